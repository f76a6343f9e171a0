"""Divide a page into what is to be read: the cells of its tables, and the lines outside them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.forms.apply import apply_form
from pipeline.forms.form import Form
from pipeline.page import Polygon, Region
from pipeline.preprocess import Gray, Mask, Prepared, ink_mask
from pipeline.profiles import Profile
from pipeline.tables.crops import cell_crops, line_crop
from pipeline.tables.marks import find_marks
from pipeline.tables.structure import find_grids
from pipeline.tables.structure.braces import with_braces
from pipeline.tables.structure.facing import Facing, find_facing
from pipeline.tables.structure.grid import Grid, Sheet
from pipeline.tables.structure.rules import find_rules, text_height, without_rules
from pipeline.tables.structure.straighten import TERMS, Warp, fit_warp
from pipeline.tables.structure.strokes import find_strokes

Position = tuple[int, int, int]
"""Table, row, column."""

CellLine = tuple[int, int, int, int]
"""Table, row, column, line of text within the cell."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A page divided into what is to be read: the cells of its tables, and lines outside them.

    `boxes` (N x 4 x 2) are the lines' corners on the prepared page; `cells` holds a crop for every
    line of text of every cell, `marks` what cells say whose shape tells, such as a dash. `facing`
    names the grids that may be halves of one table on the two pages of an open book. `form` is the
    profile's form, where the page is of it. `regions` are what the page is divided into, in reading
    order (`pipeline.regions`); `region_of` says in which of them each line is.
    """

    prepared: Prepared
    warp: Warp
    grids: tuple[Grid, ...]
    cells: Mapping[CellLine, Gray]
    boxes: NDArray[np.float32]
    lines: tuple[Gray, ...]
    marks: Mapping[Position, str] = field(default_factory=dict)
    facing: tuple[Facing, ...] = ()
    form: Form | None = None
    regions: tuple[Region, ...] = ()
    region_of: tuple[int, ...] = ()

    def cell_polygons(self, grid: Grid, lost: int = 0) -> dict[tuple[int, int], Polygon]:
        """Return each cell's corners in page pixels, by row and column.

        Of `lost` columns before the first, counted -1, -2, …, nothing is on the page: theirs lie on
        its left edge. A cell of several places stands at the first of them and covers them all.
        """
        xs = np.concatenate([np.full(lost, grid.xs[0]), grid.xs])
        ys = np.array(grid.ys)
        ends = {(span.row, span.column): span.places[-1] for span in grid.spans}
        every = itertools.product(range(len(ys)), range(-lost, len(grid.xs) - 1))
        places = [place for place in every if place not in grid.covered]
        first = np.array(places).reshape(-1, 2)
        last = np.array([ends.get(place, place) for place in places]).reshape(-1, 2)
        left, right = xs[first[:, 1] + lost], xs[last[:, 1] + lost + 1]
        boxes = np.column_stack([left, ys[first[:, 0], 0], right, ys[last[:, 0], 1]])
        return dict(zip(places, self.polygons(boxes), strict=True))

    def polygons(self, boxes: NDArray[np.float64]) -> list[Polygon]:
        """Return the page's polygons of boxes (N x 4: x0, y0, x1, y1) of the straightened page."""
        return self.prepared.polygons_on_page(self._upright(boxes))

    def whole(self, place: CellLine) -> Gray:
        """Return a line of a cell from edge to edge (h x w), with all that reaches in."""
        index, row, column, line = place
        grid = self.grids[index]
        top, bottom = grid.rows[row][line]
        box = np.array([[grid.xs[column], top, grid.xs[column + 1], bottom]])
        return line_crop(self.prepared.gray, self._upright(box)[0].astype(np.float32))

    def _upright(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the corners (N x 4 x 2) on the prepared page of boxes of the straightened one."""
        corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        return self.warp.upright(corners.reshape(-1, 2)).reshape(-1, 4, 2)


@dataclass(frozen=True, slots=True)
class Straight:
    """A page drawn anew by `warp`, without its curves: its pixels, and what stands on it."""

    warp: Warp
    gray: Gray
    ink: Mask
    sheet: Sheet


def straighten(prepared: Prepared, boxes: NDArray[np.float32]) -> Straight:
    """Straighten a page, given its detected lines (N x 4 x 2, prepared pixels)."""
    strokes = find_strokes(prepared.ink)
    height = text_height(strokes, boxes)
    rules = find_rules(prepared.ink, height)
    warp = fit_warp(rules, strokes, boxes, height)
    gray = warp.apply(prepared.gray)
    ink = prepared.ink if gray is prepared.gray else ink_mask(gray)
    rules = find_rules(ink, height)
    corners = warp.straight(boxes.reshape(-1, 2).astype(np.float64)).reshape(-1, 4, 2)
    upright = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    sheet = Sheet(rules, without_rules(ink, rules, height), upright, height)
    return Straight(warp, gray, ink, with_braces(sheet, ink))


def lay_out(prepared: Prepared, boxes: NDArray[np.float32], profile: Profile) -> Layout:
    """Divide a page into cells and lines, given its detected lines (N x 4 x 2, prepared pixels)."""
    grids: list[Grid] = []
    cells: dict[CellLine, Gray] = {}
    marks: dict[Position, str] = {}
    facing: tuple[Facing, ...] = ()
    form = profile.tables.form
    free = np.ones(len(boxes), bool)
    tall, wide = prepared.ink.shape
    warp = Warp(wide, tall, np.zeros(TERMS), np.zeros(TERMS))
    if profile.tables.find:
        page = straighten(prepared, boxes)
        warp, sheet = page.warp, page.sheet
        grids = find_grids(sheet)
        if form is not None:
            grids, form = apply_form(form, sheet, grids)
        facing = find_facing(sheet, grids)
        for index, grid in enumerate(grids):
            crops = cell_crops(page.gray, page.ink, sheet.text, grid, sheet.height)
            found = find_marks(sheet, grid)
            marks |= {(index, *place): mark for place, mark in found.items()}
            for (row, column, line), crop in crops.items():
                if (row, column) not in found:
                    cells[index, row, column, line] = crop
        middle = (sheet.boxes[:, :2] + sheet.boxes[:, 2:]) / 2
        for box in (grid.box for grid in grids):
            free &= ~np.array([box.holds(x, y) for x, y in middle], bool)
    lines = tuple(line_crop(prepared.gray, corners) for corners in boxes[free])
    return Layout(prepared, warp, tuple(grids), cells, boxes[free], lines, marks, facing, form)
