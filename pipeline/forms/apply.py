"""Use a form where a page is torn, faint or cut: the agreed grid in place of a poor one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.forms.align import agrees, align, drifted
from pipeline.forms.form import Form, FormGrid, Span
from pipeline.forms.marks import Array, Transform, marks_of, marks_of_form
from pipeline.forms.register import register
from pipeline.tables.structure.columns import rule_share
from pipeline.tables.structure.grid import Box, Grid, Sheet
from pipeline.tables.structure.grid import Span as CellSpan
from pipeline.tables.structure.rows import filled, text_rows
from pipeline.tables.structure.signals import runs

CERTAIN = 0.9
"""The share of a form's pages from which on a row is taken to be there, seen or not."""

COLUMN_DRIFT, ROW_DRIFT = 1.0, 0.4
"""How far, in characters' heights, a column or row may lie beside where its neighbours point."""

Lines = tuple[Span, ...]
"""The top and bottom of each line of text of a row."""


def apply_form(form: Form, sheet: Sheet, grids: Sequence[Grid]) -> tuple[list[Grid], Form | None]:
    """Return a page's grids with that of the form's table completed, or put right, by the form.

    `sheet` is the straightened page, in whose pixels the grids are. What the page shows of edges
    and rows stays where it is; what the form has besides is put where its neighbours let expect
    it, also beyond the page's edge, and edges that the form does not have are dropped. The second
    value is the form. It is `None`, and the grids stay as they are, where the page cannot be laid
    onto it; a form without a grid fits every page.
    """
    marks = marks_of_form(form)
    if form.grid is None or marks is None:
        return list(grids), form
    found = register(marks, marks_of(sheet))
    if found is None:
        return list(grids), None
    zone = _zone(form.grid, found.transform)
    own = [grid for grid in grids if _shared(grid.box, zone) >= 0.5]
    shown = sorted({x for grid in own for x in grid.xs})
    if not agrees(_edges_on_page(form.grid, found.transform), shown, COLUMN_DRIFT * sheet.height):
        return list(grids), None
    transform = _by_rows(form.grid, found.transform, own, sheet.height)
    fitted = _fitted(form.grid, transform, sheet, own)
    others = [grid for grid in grids if grid not in own and _shared(grid.box, fitted.box) < 0.5]
    at = next((i for i, grid in enumerate(grids) if grid in own), 0)
    before = [grid for grid in grids[:at] if grid in others]
    after = [grid for grid in grids[at:] if grid in others]
    return [*before, fitted, *after], form


def _zone(grid: FormGrid, transform: Transform) -> Box:
    """Return where the form's table should be on the page."""
    bottom = grid.rows[-1].lines[-1][1]
    corners = transform.apply(np.array([(0.0, grid.rows[0].lines[0][0]), (1.0, bottom)]))
    return Box(*corners.ravel().tolist())


def _edges_on_page(grid: FormGrid, transform: Transform) -> list[float]:
    """Return the x at which the form's columns should begin and end, at the table's middle."""
    middle = (grid.rows[0].lines[0][0] + grid.rows[-1].lines[-1][1]) / 2
    places = transform.apply(np.array([(x, middle) for x in grid.edges]))
    return [float(x) for x in places[:, 0]]


def _lines_on_page(grid: FormGrid, transform: Transform) -> list[Lines]:
    """Return where the form's rows should be on the page, at the table's middle."""
    return [
        _lines(transform.apply(np.array([(0.5, y) for line in row.lines for y in line])))
        for row in grid.rows
    ]


def _by_rows(form: FormGrid, transform: Transform, own: Sequence[Grid], h: float) -> Transform:
    """Return the transform, moved by whole rows where that gives more of the page's a place.

    A page without its head looks much the same a group of rows further up or down.
    """
    expected = np.array([_middle(each) for each in _lines_on_page(form, transform)])
    seen = sorted(_middle(each) for grid in own for each in grid.rows)

    def placed(shift: float) -> int:
        return len(align((expected + shift).tolist(), seen, ROW_DRIFT * h))

    least = placed(0.0) + 2
    if len(seen) < least:
        return transform
    shifts = [y - x for y in (seen[len(seen) // 2], seen[-1]) for x in expected]
    best = max(shifts, key=lambda shift: (placed(shift), -abs(shift)))
    if placed(best) < least:
        return transform
    return Transform(transform.matrix + np.array([[0, 0, 0], [0, 0, best]]))


def _shared(box: Box, other: Box) -> float:
    """Return the share of a box that lies in another."""
    wide = min(box.x1, other.x1) - max(box.x0, other.x0)
    tall = min(box.y1, other.y1) - max(box.y0, other.y0)
    area = (box.x1 - box.x0) * (box.y1 - box.y0)
    return max(0.0, wide) * max(0.0, tall) / max(area, 1e-9)


def _fitted(form: FormGrid, transform: Transform, sheet: Sheet, own: Sequence[Grid]) -> Grid:
    h = sheet.height
    expected = np.array(_edges_on_page(form, transform))
    lines = _lines_on_page(form, transform)
    whole = _as_agreed(form, expected, lines, own, h)
    if whole is not None:
        return whole
    sure = [each for row, each in zip(form.rows, lines, strict=True) if row.share >= CERTAIN]
    tops = [each[0][0] for each in sure or lines] + [grid.box.y0 for grid in own]
    bottoms = [each[-1][1] for each in sure or lines] + [grid.box.y1 for grid in own]
    zone = Box(float(expected[0]), min(tops), float(expected[-1]), max(bottoms))
    edges = _edges(expected, sheet, zone, own)
    rows, number, header = _rows(
        form, lines, sheet, replace(zone, x0=edges[0], x1=edges[-1]), own, edges
    )
    places = {n: row for row, n in enumerate(number) if n is not None}
    spans = tuple(
        CellSpan(places[row], column, tall, wide)
        for row, column, tall, wide in form.spans
        if all(n in places for n in range(row, row + tall))
        and places[row + tall - 1] - places[row] == tall - 1
    )
    return Grid(
        tuple(edges.tolist()), rows, header, at_edge=edges[0] < 2 * h, framed=True, spans=spans
    )


def _lines(ends: Array) -> Lines:
    return tuple((float(a), float(b)) for a, b in ends[:, 1].reshape(-1, 2))


def _middle(lines: Lines) -> float:
    return (lines[0][0] + lines[-1][1]) / 2


def _as_agreed(
    form: FormGrid, expected: Array, lines: Sequence[Lines], own: Sequence[Grid], h: float
) -> Grid | None:
    """Return the page's own grid where it is as the form has it: the same columns, no row missing.

    Where the page begins further in than the form does, its first edge is not the form's.
    """
    if len(own) != 1 or len(own[0].xs) != len(expected):
        return None
    grid = own[0]
    edges = align(expected.tolist(), grid.xs, COLUMN_DRIFT * h)
    if [(i, i) for i in range(1, len(expected) - 1)] != [
        pair for pair in edges if 0 < pair[0] < len(expected) - 1
    ]:
        return None
    middles = [_middle(each) for each in lines]
    seen = {i for i, _ in align(middles, [_middle(each) for each in grid.rows], ROW_DRIFT * h)}
    sure = {i for i, row in enumerate(form.rows) if row.share >= CERTAIN}
    return replace(grid, framed=True) if sure <= seen else None


def _edges(expected: Array, sheet: Sheet, zone: Box, own: Sequence[Grid]) -> Array:
    """Return the edges of the form's columns on the page: those that it shows, and the others."""
    h = sheet.height
    found = sorted({x for grid in own for x in grid.xs} | set(_drawn(sheet, zone)))
    found = [x for k, x in enumerate(found) if k == 0 or x - found[k - 1] > 0.3 * h]
    pairs = align(expected.tolist(), found, COLUMN_DRIFT * h)
    edges = drifted(expected.tolist(), pairs, found)
    # A column is never narrower than half of what the form says.
    least = 0.5 * np.diff(expected)
    for i in range(1, len(edges)):
        edges[i] = max(edges[i], edges[i - 1] + least[i - 1])
    return edges


def _drawn(sheet: Sheet, zone: Box) -> list[float]:
    """Return the x of the upright rules in a zone, as far as it is on the page."""
    tall, wide = sheet.text.mask.shape
    part = Box(max(0, zone.x0), max(0, zone.y0), min(wide, zone.x1), min(tall, zone.y1))
    if part.x1 - part.x0 < 1 or part.y1 - part.y0 < 1:
        return []
    share = rule_share(sheet, part)
    return [int(part.x0) + (a + b - 1) / 2 for a, b in runs(share >= 0.15)]


def _rows(
    form: FormGrid,
    lines: Sequence[Lines],
    sheet: Sheet,
    zone: Box,
    own: Sequence[Grid],
    edges: Array,
) -> tuple[tuple[Lines, ...], list[int | None], int]:
    """Return the rows on the page, which of the form's each is, and how many of them are heads.

    `None` is a row of the page's own. Heads are what lies above the first row that the form has
    below its own; where that has none, each page knows better.
    """
    h = sheet.height
    seen = _seen(sheet, zone, own, edges)
    middles = [_middle(each) for each in lines]
    pairs = align(middles, [_middle(each) for each in seen], ROW_DRIFT * h)
    moved = drifted(middles, pairs, [_middle(each) for each in seen]) - np.array(middles)
    rows: list[tuple[Lines, int | None]] = [(seen[j], i) for i, j in pairs]
    paired = {j for _, j in pairs}
    extra = [each for j, each in enumerate(seen) if j not in paired]
    rows += [
        (each, None)
        for each in extra
        if not any(_overlap(each, other) for other, _ in rows) and _is_row(sheet, edges, each)
    ]
    have = {i for i, _ in pairs}
    for i, row in enumerate(form.rows):
        shifted = tuple((a + moved[i], b + moved[i]) for a, b in lines[i])
        if i in have or row.share < CERTAIN or any(_overlap(shifted, r) for r, _ in rows):
            continue
        rows.append((shifted, i))
    rows.sort(key=lambda row: _middle(row[0]))
    end = max(
        (grid.ys[grid.header_rows - 1][1] for grid in own if grid.header_rows), default=-np.inf
    )
    if 0 < form.header_rows < len(lines):
        end = lines[form.header_rows][0][0] + moved[form.header_rows]
    header = sum(bool(_middle(each) < end) for each, _ in rows)
    return _apart([each for each, _ in rows]), [i for _, i in rows], header


def _seen(sheet: Sheet, zone: Box, own: Sequence[Grid], edges: Array) -> list[Lines]:
    """Return the rows that the page shows: those of its own grids, and text besides them."""
    rows: list[Lines] = []
    for grid in sorted(own, key=lambda grid: grid.xs[0] - grid.xs[-1]):
        rows += [each for each in grid.rows if not any(_overlap(each, other) for other in rows)]
    tall, wide = sheet.text.mask.shape
    part = Box(max(0, zone.x0), max(0, zone.y0), min(wide, zone.x1), min(tall, zone.y1))
    if part.x1 > part.x0 and part.y1 > part.y0:
        for band in text_rows(sheet, part, [], fill=True):
            free = not any(_overlap((band,), other) for other in rows)
            if free and _is_row(sheet, edges, (band,)):
                rows.append((band,))
    return sorted(rows, key=_middle)


def _overlap(lines: Lines, other: Lines) -> bool:
    """Return whether two rows take the same place: the middle of one lies in the other."""
    return (
        lines[0][0] < _middle(other) < lines[-1][1] or other[0][0] < _middle(lines) < other[-1][1]
    )


def _is_row(sheet: Sheet, edges: Array, lines: Lines) -> bool:
    """Return whether text fills a quarter of a row, as no blot or note between rows does."""
    places = filled(sheet, edges.tolist(), [(lines[0][0], lines[-1][1])])
    return bool(places.sum() >= max(2, 0.25 * places.size))


def _apart(rows: Sequence[Lines]) -> tuple[Lines, ...]:
    """Return rows, from top to bottom, none of which reaches into the next."""
    settled: list[Lines] = []
    for lines in rows:
        if settled and settled[-1][-1][1] > lines[0][0]:
            y = (settled[-1][-1][1] + lines[0][0]) / 2
            *upper, (top, bottom) = settled[-1]
            settled[-1] = (*upper, (min(top, y), min(bottom, y)))
            (top, bottom), *lower = lines
            lines = ((max(top, y), max(bottom, y)), *lower)
        settled.append(lines)
    return tuple(settled)
