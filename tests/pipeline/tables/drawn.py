"""Drawn tables of every build: nested heads, partial rules, braces, marks, bent and facing pages.

What is drawn is known: every cell with its place, spans and the box of its ink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray, prepare
from pipeline.profiles import Preprocessing, Profile
from pipeline.tables.layout import Layout, lay_out
from pipeline.training.fonts import BUNDLED

PLAIN = Profile(name="test", preprocessing=Preprocessing(crop=False))
EM = 26
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Head:
    """A column head, or the common head of those `under` it; `turned` is read from below."""

    text: str
    under: tuple[Head, ...] = ()
    turned: bool = False

    @property
    def leaves(self) -> int:
        return sum(head.leaves for head in self.under) or 1

    @property
    def depth(self) -> int:
        return 1 + max((head.depth for head in self.under), default=0)


@dataclass(frozen=True)
class Build:
    """How a table is drawn; lengths are in ems.

    `uprights`: between which columns a rule runs, all if `None`; `frame`: sides that have one, of
    `lrtb`; `levels`: a rule below every row; `group`: what parts a common head from those under it.
    """

    widths: tuple[float, ...]
    uprights: tuple[int, ...] | None = None
    frame: str = "lrtb"
    header_rule: bool = True
    levels: bool = False
    group: str = "rule"
    pitch: float = 1.3
    head: float = 1.7


@dataclass(frozen=True)
class Drawn:
    """A drawn table: every cell's spans and the box of its ink, `None` where it is empty."""

    rows: int
    columns: int
    header_rows: int
    cells: dict[tuple[int, int], tuple[int, int, Box | None]]


@dataclass
class Canvas:
    """A page that is drawn on, and the corners (4 x 2) of the lines that a detector would find."""

    height: int
    width: int
    image: Gray = field(init=False)
    lines: list[NDArray[np.float64]] = field(default_factory=list)
    tables: list[Drawn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = np.full((self.height, self.width), 255, np.uint8)

    def text(self, text: str, x: float, y: float, turned: bool = False, size: int = EM) -> Box:
        """Write a text with its middle at (x, y) and return the box of its ink."""
        font = BUNDLED.font(size)
        ink = np.asarray(_glyphs(font, text))
        if turned:
            ink = np.rot90(ink)
        tall, wide = ink.shape
        left, top = round(x - wide / 2), round(y - tall / 2)
        part = self.image[top : top + tall, left : left + wide]
        np.minimum(part, 255 - ink, out=part)
        box = (float(left), float(top), float(left + wide), float(top + tall))
        self.lines.append(corners(box))
        return box

    def rule(self, x0: float, y0: float, x1: float, y1: float, thick: int = 2) -> None:
        cv2.line(self.image, (round(x0), round(y0)), (round(x1), round(y1)), 30, thick)

    def curve(self, points: NDArray[np.float64], thick: int = 2) -> None:
        cv2.polylines(self.image, [np.round(points).astype(np.int32)], False, 30, thick)

    def upright_brace(self, x: float, y0: float, y1: float) -> None:
        """Draw a } as wide as 0.6 em that begins at x."""
        self.curve(_brace(y0, y1, x, 0.6 * EM)[:, ::-1])

    def level_brace(self, x0: float, x1: float, y: float) -> None:
        """Draw a brace that opens downwards and begins at y."""
        self.curve(_brace(x0, x1, y + 0.5 * EM, -0.5 * EM))

    def table(
        self,
        x: float,
        y: float,
        build: Build,
        heads: Sequence[Head],
        body: Sequence[Sequence[str] | None],
    ) -> Box:
        """Draw a table with its top left at (x, y); `None` for a row is a spacer."""
        edges = np.concatenate([[x], x + np.cumsum(build.widths) * EM])
        depth = max((head.depth for head in heads), default=0)
        cells: dict[tuple[int, int], tuple[int, int, Box | None]] = {}
        tops = [y + i * build.head * EM for i in range(depth + 1)]
        self._heads(heads, 0, 0, depth, edges, tops, build, cells)
        bottom, row = tops[-1], depth
        if depth and build.header_rule:
            self.rule(edges[0], bottom, edges[-1], bottom)
        for texts in body:
            if texts is None:
                bottom += 0.6 * build.pitch * EM
                continue
            middle = bottom + build.pitch * EM / 2
            for column, text in enumerate(texts):
                centre = (edges[column] + edges[column + 1]) / 2
                box = self._entry(text, centre, middle, edges[column + 1] - edges[column])
                cells[row, column] = (1, 1, box)
            bottom += build.pitch * EM
            row += 1
            if build.levels:
                self.rule(edges[0], bottom, edges[-1], bottom)
        self._frame(build, edges, y, bottom, tops)
        self.tables.append(Drawn(row, len(build.widths), depth, cells))
        return (x, y, float(edges[-1]), bottom)

    def _entry(self, text: str, x: float, y: float, room: float) -> Box | None:
        if not text:
            return None
        if text == "-":
            self.rule(x - 0.25 * EM, y, x + 0.25 * EM, y)
            box = (x - 0.25 * EM, y - 2, x + 0.25 * EM, y + 2)
        elif text == "--":
            self.rule(x - 0.3 * room, y, x + 0.3 * room, y)
            box = (x - 0.3 * room, y - 2, x + 0.3 * room, y + 2)
        elif text == '"':
            for off in (-0.14, 0.16):
                self.rule(x + off * EM, y - 5, x + off * EM - 2, y + 2, 3)
            box = (x - 0.2 * EM, y - 6, x + 0.2 * EM, y + 4)
        else:
            return self.text(text, x, y)
        return box

    def _heads(
        self,
        heads: Sequence[Head],
        level: int,
        column: int,
        depth: int,
        edges: NDArray[np.float64],
        tops: list[float],
        build: Build,
        cells: dict[tuple[int, int], tuple[int, int, Box | None]],
    ) -> None:
        for head in heads:
            last = column + head.leaves
            below = level + 1 if head.under else depth
            x0, x1 = edges[column], edges[last]
            y0, y1 = tops[level], tops[below]
            middle = (y0 + y1) / 2 - (0.15 * EM if head.under and build.group == "brace" else 0)
            box = self.text(head.text, (x0 + x1) / 2, middle, head.turned) if head.text else None
            cells[level, column] = (below - level, last - column, box)
            if head.under:
                if build.group == "rule":
                    self.rule(x0, y1, x1, y1)
                elif build.group == "brace":
                    self.level_brace(x0 + 0.3 * EM, x1 - 0.3 * EM, y1 - 0.4 * EM)
                self._heads(head.under, level + 1, column, depth, edges, tops, build, cells)
            if last < len(edges) - 1 and (build.uprights is None or last in build.uprights):
                # What parts a head from the next reaches up as far as the two are neighbours.
                self.rule(edges[last], y0, edges[last], tops[-1])
            column = last

    def _frame(
        self, build: Build, edges: NDArray[np.float64], y: float, bottom: float, tops: list[float]
    ) -> None:
        for column in range(1, len(edges) - 1):
            if build.uprights is None or column in build.uprights:
                self.rule(edges[column], tops[-1], edges[column], bottom)
        for side, ends in {
            "l": (edges[0], y, edges[0], bottom),
            "r": (edges[-1], y, edges[-1], bottom),
            "t": (edges[0], y, edges[-1], y),
            "b": (edges[0], bottom, edges[-1], bottom),
        }.items():
            if side in build.frame:
                self.rule(*ends, 3)


def _glyphs(font: object, text: str) -> Gray:
    from PIL import Image, ImageDraw

    x0, y0, x1, y1 = font.getbbox(text)  # type: ignore[attr-defined]
    glyphs = Image.new("L", (int(x1 - x0), int(y1 - y0)), 0)
    ImageDraw.Draw(glyphs).text((-x0, -y0), text, fill=255, font=font)  # type: ignore[arg-type]
    return np.asarray(glyphs, np.uint8)


def _brace(a: float, b: float, base: float, reach: float) -> NDArray[np.float64]:
    """Return points (N x 2: along, across) of a brace from a to b whose nose is at base + reach."""
    t = np.linspace(0, 1, 81)
    bend = 0.5 * abs(reach) / (b - a) + 0.02
    across = 0.5 * np.tanh(np.minimum(t, 1 - t) / bend)
    across += 0.5 * np.exp(-np.abs(t - 0.5) / bend)
    return np.column_stack([a + t * (b - a), base + reach * across])


def corners(box: Box) -> NDArray[np.float64]:
    """Return the corners (4 x 2) of a box, clockwise from its top left."""
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def bent(canvas: Canvas, push: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Canvas:
    """Return the page as seen where each point is pushed off its place, its truth moved along.

    `push` maps points (N x 2) of the flat page to where they are seen.
    """
    ys, xs = np.mgrid[: canvas.height, : canvas.width].astype(np.float64)
    seen = np.column_stack([xs.ravel(), ys.ravel()])
    flat = seen.copy()
    for _ in range(12):
        flat = flat + seen - push(flat)
    shape = (canvas.height, canvas.width)
    map_x, map_y = (part.reshape(shape).astype(np.float32) for part in flat.T)
    found = Canvas(canvas.height, canvas.width)
    found.image = np.asarray(
        cv2.remap(canvas.image, map_x, map_y, cv2.INTER_CUBIC, borderValue=255), np.uint8
    )

    def moved(box: Box) -> Box:
        seen = push(corners(box))
        (a, b), (c, d) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
        return (a, b, c, d)

    found.lines = [push(line) for line in canvas.lines]
    found.tables = [
        replace(
            table,
            cells={
                place: (rows, columns, box and moved(box))
                for place, (rows, columns, box) in table.cells.items()
            },
        )
        for table in canvas.tables
    ]
    return found


def lay(canvas: Canvas) -> Layout:
    """Lay the page out with the lines as they were drawn."""
    ready = prepare(canvas.image, PLAIN.preprocessing)
    inverse = np.linalg.inv(np.vstack([ready.to_page, [0, 0, 1]]))[:2]
    placed = np.array(canvas.lines).reshape(-1, 4, 2) @ inverse[:, :2].T + inverse[:, 2]
    return lay_out(ready, placed.astype(np.float32), PLAIN)


def numbers(
    rng: np.random.Generator, rows: int, columns: int, label: bool = True
) -> list[list[str]]:
    """Return a body of day numbers and values with one decimal."""
    return [
        [
            *([str(row + 1)] if label else []),
            *(f"{rng.integers(100, 999) / 10:.1f}" for _ in range(columns - label)),
        ]
        for row in range(rows)
    ]


def wave(depth: float, length: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a push of points up and down by `depth` along waves of `length` pixels."""

    def push(points: NDArray[np.float64]) -> NDArray[np.float64]:
        off = depth * np.sin(2 * math.pi * points[:, 0] / length)
        return np.column_stack([points[:, 0], points[:, 1] + off])

    return push
