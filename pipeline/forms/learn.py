"""Learn a form: what the grids of many pages agree on, once they are laid onto each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine
from pipeline.forms.align import agrees, align
from pipeline.forms.form import Form, FormColumn, FormGrid, FormMarks, FormRow, Span
from pipeline.forms.marks import Array, Marks, Transform, marks_of
from pipeline.forms.register import printed_there, register
from pipeline.preprocess import prepare
from pipeline.profiles import Profile
from pipeline.tables.layout import straighten
from pipeline.tables.structure import find_grids
from pipeline.tables.structure.grid import Grid

AGREED = 0.5
"""The share of the pages that must have an edge, a span or a rule."""

USUAL = 0.1
"""The share of the pages that must have a row."""

THERE = 0.25
"""How far off, in characters' heights, a row may be and still be just there."""

PRINT = 0.75
"""The share of the pages on which a stroke must be to be print."""

MOST = 300
"""Printed strokes that are kept: more tell no more."""

WITNESSES = 16
"""Pages by which print is told from what was written."""

DRIFT = 1.0
"""How far, in characters' heights, a column may begin beside where its neighbours let expect it."""


@dataclass(frozen=True, slots=True)
class View:
    """A page as forms are learnt from it: its marks, and the grid of its table."""

    marks: Marks
    grid: Grid


@dataclass(frozen=True, slots=True)
class Learnt:
    """A form, and by what evidence each page is of it (`Registration`); 0: it is of another."""

    form: Form
    evidence: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Laid:
    """A page laid onto the first one: marks and grid in its pixels, and the evidence for it."""

    page: int
    marks: Marks
    edges: Array
    rows: tuple[tuple[Span, ...], ...]
    evidence: float


@dataclass(slots=True)
class _Place:
    """An edge or a row that pages agree on: where each of them (by number) has it."""

    seen: dict[int, Array]
    order: float

    def settle(self) -> None:
        self.order = float(np.median([places.mean() for places in self.seen.values()]))


def view_of(image: NDArray[np.uint8], profile: Profile, engine: Engine) -> View | None:
    """Return a page image (H x W gray or H x W x 3 RGB) as forms are learnt from it.

    Of several tables the one with the most places; `None` where there is no table.
    """
    prepared = prepare(image, profile.preprocessing)
    sheet = straighten(prepared, engine.detect(prepared.gray)).sheet
    grids = find_grids(sheet)
    if not grids:
        return None
    return View(marks_of(sheet), max(grids, key=lambda grid: len(grid.xs) * len(grid.rows)))


def learn(pages: Sequence[View], name: str) -> Learnt:
    """Return the form that most of the pages share; nothing is said of its columns yet.

    The pages are laid onto a typical one, and then onto what they have in common. Columns are those
    that half the pages have, rows those of a tenth. Raises `ValueError` where there is no page.
    """
    if not pages:
        raise ValueError("a form is learnt from pages")
    first = _typical(pages)
    laid = _lay(pages, pages[first].marks, first)
    if len(laid) > 1:
        again = _lay(pages, _common(laid), first)
        laid = again if len(again) >= len(laid) else laid
    form = _form(name, pages, laid)
    found = {one.page: one.evidence for one in laid}
    return Learnt(form, tuple(found.get(number, 0.0) for number in range(len(pages))))


def _typical(pages: Sequence[View]) -> int:
    """Return the page to begin with: the usual number of columns, and more rows than most."""
    columns = Counter(len(page.grid.xs) for page in pages)
    usual = max(columns, key=lambda count: (columns[count], count))
    some = [i for i, page in enumerate(pages) if len(page.grid.xs) == usual]
    some.sort(key=lambda i: len(pages[i].grid.rows))
    return some[int(0.75 * (len(some) - 1))]


def _lay(pages: Sequence[View], onto: Marks, first: int) -> list[_Laid]:
    """Return the pages that can be laid onto marks, in the first page's pixels."""
    laid = []
    for number, page in enumerate(pages):
        found = register(onto, page.marks)
        if found is not None:
            back = _mapped(number, page, found.transform.inverse(), found.evidence)
            # Tables may have the same rows, and quite other columns.
            if agrees(pages[first].grid.xs, back.edges.tolist(), DRIFT * onto.height):
                laid.append(back)
        elif number == first:
            laid.append(_mapped(number, page, Transform(np.eye(2, 3)), 0.0))
    return laid


def _mapped(number: int, page: View, back: Transform, evidence: float) -> _Laid:
    grid = page.grid
    box = grid.box
    middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    edges = back.apply(np.array([(x, middle[1]) for x in grid.xs]))[:, 0]
    rows = []
    for lines in grid.rows:
        ys = back.apply(np.array([(middle[0], y) for line in lines for y in line]))[:, 1]
        rows.append(tuple((float(a), float(b)) for a, b in ys.reshape(-1, 2)))
    return _Laid(number, back.marks(page.marks), edges, tuple(rows), evidence)


def _common(laid: Sequence[_Laid]) -> Marks:
    """Return the marks that most of the pages have at the same place."""
    h = float(np.median([one.marks.height for one in laid]))
    return Marks(
        _common_rules([one.marks.upright for one in laid], h),
        _common_rules([one.marks.level for one in laid], h),
        _common_print([one.marks for one in laid], h),
        h,
    )


def _common_rules(pages: Sequence[Array], h: float) -> Array:
    """Return the pieces of rules (N x 3) that at least half of the pages have.

    Counted on a map, a quarter of a character's height across and a whole one along.
    """
    some = [pieces for pieces in pages if len(pieces)]
    if not some:
        return np.zeros((0, 3))
    every = np.concatenate(some)
    low = np.array([every[:, 0].min() - h, every[:, 1].min() - h])
    unit = np.array([h / 4, h])
    extent = np.array([every[:, 0].max() + h, every[:, 2].max() + h])
    shape = tuple(np.ceil((extent - low) / unit).astype(int) + 2)
    count = np.zeros(shape, np.int64)
    for pieces in some:
        here = np.zeros(shape, bool)
        for across, begin, end in pieces:
            at = int((across - low[0]) / unit[0])
            start, stop = int((begin - low[1]) / unit[1]), int((end - low[1]) / unit[1])
            here[max(0, at - 1) : at + 2, start : stop + 1] = True
        count += here
    agreed = (count >= max(AGREED * len(pages), min(2, len(pages)))).astype(np.uint8)
    _, _, stats, middles = cv2.connectedComponentsWithStats(agreed, connectivity=4)
    found = []
    for (begin, _, long, wide, _), (_, middle) in zip(stats[1:], middles[1:], strict=True):
        # What is broad is no rule, but where rules are so dense that they meet by chance.
        if long >= 2 and wide <= 6:
            across = low[0] + (middle + 0.5) * unit[0]
            found.append((across, low[1] + begin * unit[1], low[1] + (begin + long) * unit[1]))
    return np.array(found, np.float64).reshape(-1, 3)


def _common_print(pages: Sequence[Marks], h: float) -> Array:
    """Return the boxes (N x 4) of strokes that are on most of the pages at the same place."""
    step = max(1, len(pages) // WITNESSES)
    some = pages[::step]
    kept: list[Array] = []
    shares: list[Array] = []
    for page in some[:4]:
        boxes = page.printed
        if kept:
            known = Marks(page.upright, page.level, np.concatenate(kept), h)
            boxes = boxes[~printed_there(boxes, known)]
        share = np.mean([printed_there(boxes, other) for other in some], axis=0)
        agreed = share >= max(PRINT, min(2, len(some)) / len(some))
        kept.append(boxes[agreed])
        shares.append(share[agreed])
    boxes, share = np.concatenate(kept), np.concatenate(shares)
    order = np.argsort(-share, kind="stable")[: 2 * MOST]
    chosen = np.sort(order)
    spread = np.unique(np.linspace(0, len(chosen) - 1, min(MOST, len(chosen))).round().astype(int))
    return np.asarray(boxes[chosen[spread]])


def _form(name: str, pages: Sequence[View], laid: Sequence[_Laid]) -> Form:
    """Return the form of the pages laid onto each other, in table widths."""
    marks = _common(laid)
    h = marks.height
    edges, column_of = _agreed_edges(pages, laid, h)
    rows, row_of = _agreed_rows(laid, h)
    width = edges[-1] - edges[0]
    origin = np.array([edges[0], rows[0][0][0][0]])
    to_form = Transform(np.column_stack([np.eye(2) / width, -origin / width]))
    xs = (edges - edges[0]) / width
    form_rows = tuple(
        FormRow(
            lines=tuple(((a - origin[1]) / width, (b - origin[1]) / width) for a, b in lines),
            share=share,
        )
        for lines, share in rows
    )
    grid = FormGrid(
        edges=tuple(xs.tolist()),
        rows=form_rows,
        header_rows=_header_rows(pages, laid, row_of, [share for _, share in rows]),
        height=h / width,
        spans=_agreed_spans(pages, laid, row_of, column_of),
    )
    own = to_form.marks(marks)
    return Form(
        name=name,
        columns=tuple(FormColumn() for _ in range(len(edges) - 1)),
        grid=grid,
        marks=FormMarks(
            upright=_tuples(own.upright), level=_tuples(own.level), printed=_tuples(own.printed)
        ),
    )


def _tuples(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.round(5).tolist())


def _merge(sequences: Sequence[Sequence[Array]], near: float, drift: float) -> list[_Place]:
    """Return the places that sequences have in common, each a sequence of places from low to high.

    One after the other is aligned with what is known; what has no partner there is a new place,
    unless it is nearer than `near` to one.
    """
    places: list[_Place] = []
    for number, sequence in enumerate(sequences):
        middles = [float(item.mean()) for item in sequence]
        pairs = align([place.order for place in places], middles, drift)
        for i, j in pairs:
            places[i].seen[number] = sequence[j]
        taken = {j for _, j in pairs}
        fresh = [
            _Place({number: item}, middle)
            for j, (item, middle) in enumerate(zip(sequence, middles, strict=True))
            if j not in taken and all(abs(middle - place.order) >= near for place in places)
        ]
        for place in places:
            place.settle()
        places = sorted([*places, *fresh], key=lambda place: place.order)
    return places


def _agreed_edges(
    pages: Sequence[View], laid: Sequence[_Laid], h: float
) -> tuple[Array, list[dict[int, int]]]:
    """Return the edges (N + 1) that at least half of the pages have, and which each page's are.

    A page that begins or ends further in, cut by the fold or torn, has no say about those outside.
    The outermost edge of such a page is none.
    """
    inner = [
        [np.array([x]) for k, x in enumerate(one.edges) if _is_own(pages[one.page].grid, k)]
        for one in laid
    ]
    places = _merge(inner, 0.6 * h, DRIFT * h)
    agreed = []
    for place in places:
        could = [
            number
            for number, one in enumerate(laid)
            if number in place.seen or one.edges[0] - h < place.order < one.edges[-1] + h
        ]
        if len(place.seen) >= max(AGREED * len(could), _some(len(laid))):
            agreed.append(place)
    if len(agreed) < 2:
        first = max(laid, key=lambda one: one.evidence)
        agreed = [_Place({first.page: np.array([x])}, float(x)) for x in first.edges]
    edges = np.array([place.order for place in agreed])
    which = []
    for one in laid:
        pairs = align(edges.tolist(), one.edges.tolist(), DRIFT * h)
        which.append({j: i for i, j in pairs})
    return edges, which


def _is_own(grid: Grid, edge: int) -> bool:
    """Return whether an edge is one of the table's, not where the page cuts it."""
    return not (edge == 0 and grid.at_edge and not grid.framed)


def _some(pages: int) -> int:
    """Return how many pages must at least agree, so that one alone decides only where it is."""
    return min(2, pages)


def _agreed_rows(
    laid: Sequence[_Laid], h: float
) -> tuple[list[tuple[tuple[Span, ...], float]], list[dict[int, int]]]:
    """Return the rows that enough pages have, each with the share of them, and each page's rows."""
    ends = [[np.array([row[0][0], row[-1][1]]) for row in one.rows] for one in laid]
    places = _merge(ends, 0.6 * h, 0.4 * h)
    least = max(USUAL * len(laid), _some(len(laid)))
    usual = [place for place in places if len(place.seen) >= least]
    kept: list[_Place] = []
    for place in sorted(usual, key=lambda place: -len(place.seen)):
        same = next((other for other in kept if _overlap(place, other)), None)
        if same is None:
            kept.append(place)
        else:
            same.seen = place.seen | same.seen
    kept.sort(key=lambda place: place.order)
    orders = [place.order for place in kept]
    which = []
    lines_of: list[list[Array]] = [[] for _ in kept]
    for one, own in zip(laid, ends, strict=True):
        pairs = align(orders, [float(end.mean()) for end in own], 0.4 * h)
        which.append({j: i for i, j in pairs})
        for i, j in pairs:
            lines_of[i].append(np.array(one.rows[j]))
    rows = []
    below = -np.inf
    for place, lines in zip(kept, lines_of, strict=True):
        share = _just_there(place, h) / len(laid)
        counts = Counter(len(each) for each in lines)
        usual_count = max(counts, key=lambda count: (counts[count], -count))
        ys = np.median([each for each in lines if len(each) == usual_count], axis=0)
        ys = np.maximum.accumulate(np.maximum(ys.ravel(), below)).reshape(-1, 2)
        below = float(ys[-1, 1])
        rows.append((tuple((float(a), float(b)) for a, b in ys), share))
    return rows, which


def _just_there(place: _Place, h: float) -> int:
    """Return on how many pages a row is just there.

    Where every page has its rows elsewhere, as a register without drawn lines has, there is always
    some row not far off.
    """
    middles = np.array([float(ends.mean()) for ends in place.seen.values()])
    return max(1, int((np.abs(middles - place.order) <= THERE * h).sum()))


def _overlap(place: _Place, other: _Place) -> bool:
    a0, a1 = np.median(list(place.seen.values()), axis=0)
    b0, b1 = np.median(list(other.seen.values()), axis=0)
    return bool(min(a1, b1) - max(a0, b0) > 0.4 * min(a1 - a0, b1 - b0))


def _header_rows(
    pages: Sequence[View],
    laid: Sequence[_Laid],
    row_of: Sequence[dict[int, int]],
    shares: Sequence[float],
) -> int:
    """Return how many of the form's rows are heads: those above most pages' first row below.

    None, where that row is not at the same place on most pages: then each page knows better.
    """
    firsts: Counter[int] = Counter()
    for one, which in zip(laid, row_of, strict=True):
        grid = pages[one.page].grid
        below = [which[j] for j in range(grid.header_rows, len(grid.rows)) if j in which]
        if below and (grid.header_rows > 0 or below[0] > 0):
            firsts[below[0]] += 1
    if firsts.total() < AGREED * len(laid):
        return 0
    first = max(firsts, key=lambda row: (firsts[row], -row))
    return first if shares[first] >= AGREED else 0


def _agreed_spans(
    pages: Sequence[View],
    laid: Sequence[_Laid],
    row_of: Sequence[dict[int, int]],
    column_of: Sequence[dict[int, int]],
) -> tuple[tuple[int, int, int, int], ...]:
    """Return the spans (row, column, rows, columns) that half of the pages with these rows have."""
    votes: Counter[tuple[int, int, int, int]] = Counter()
    could: Counter[int] = Counter()
    for one, rows, edges in zip(laid, row_of, column_of, strict=True):
        could.update(set(rows.values()))
        for span in pages[one.page].grid.spans:
            ends = (span.row, span.row + span.rows - 1, span.column, span.column + span.columns)
            if ends[0] in rows and ends[1] in rows and ends[2] in edges and ends[3] in edges:
                top, bottom = rows[ends[0]], rows[ends[1]]
                left, right = edges[ends[2]], edges[ends[3]]
                votes[top, left, bottom - top + 1, right - left] += 1
    kept: list[tuple[int, int, int, int]] = []
    taken: set[tuple[int, int]] = set()
    for span_, count in votes.most_common():
        row, column, tall, wide = span_
        places = {(r, c) for r in range(row, row + tall) for c in range(column, column + wide)}
        if count >= AGREED * could[row] and len(places) > 1 and not places & taken:
            kept.append(span_)
            taken |= places
    return tuple(sorted(kept))
