"""Small pages of one form: the same rules and heads, other figures, and what befalls paper."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.forms.learn import View
from pipeline.forms.marks import marks_of
from pipeline.preprocess import Gray, prepare
from pipeline.profiles import Preprocessing, Profile
from pipeline.tables.layout import Layout, Straight, lay_out, straighten
from pipeline.tables.structure import find_grids

PLAIN = Profile(name="test", preprocessing=Preprocessing(crop=False, deskew=False))
EDGES = (60, 130, 215, 320, 405, 490, 610, 700)
"""The x of the upright rules, before a page is moved."""

TOP, PITCH, HEIGHT = 120, 32, 18
HEADS = ("Day", "Max", "Min", "Mean", "Wind", "Rain", "Sum")


class Page:
    """A drawn page of a form: its image, and the corners (N x 4 x 2) of its lines of text."""

    def __init__(
        self,
        rng: np.random.Generator,
        rows: int = 14,
        edges: tuple[int, ...] = EDGES,
        shift: tuple[int, int] = (0, 0),
    ) -> None:
        self.image: Gray = np.full((TOP + (rows + 3) * PITCH + 80, 800), 245, np.uint8)
        self.boxes: list[tuple[int, int, int, int]] = []
        dx, dy = shift
        xs = [x + dx for x in edges]
        ys = [TOP + dy + row * PITCH for row in range(rows + 2)]
        self.write("BEN NEVIS OBSERVATORY 1884", xs[1] + 40, ys[0] - 50)
        for x in xs:
            cv2.line(self.image, (x, ys[0]), (x, ys[-1]), 30, 2)
        for y in (ys[0], ys[1], ys[-1]):
            cv2.line(self.image, (xs[0], y), (xs[-1], y), 30, 2)
        for column, head in enumerate(HEADS[: len(edges) - 1]):
            self.write(head, xs[column] + 8, ys[0] + 24)
        for row in range(1, rows + 1):
            self.write(str(row), xs[0] + 12, ys[row] + 24)
            for column in range(1, len(edges) - 1):
                figures = f"{rng.integers(100, 999)}"
                self.write(figures, xs[column] + 10 + int(rng.integers(0, 18)), ys[row] + 24)

    def write(self, text: str, x: int, y: int) -> None:
        cv2.putText(self.image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 40, 2)
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 2)
        self.boxes.append((x, y - tall - 2, x + wide, y + 4))

    def without(self, x0: int, y0: int, x1: int, y1: int) -> Page:
        """Take away all ink of a part of the page."""
        self.image[y0:y1, x0:x1] = 245
        self.boxes = [
            box
            for box in self.boxes
            if not (x0 <= (box[0] + box[2]) / 2 < x1 and y0 <= (box[1] + box[3]) / 2 < y1)
        ]
        return self

    @property
    def corners(self) -> NDArray[np.float32]:
        return np.array(
            [[(a, b), (c, b), (c, d), (a, d)] for a, b, c, d in self.boxes], np.float32
        ).reshape(-1, 4, 2)

    @property
    def straight(self) -> Straight:
        return straighten(prepare(self.image, PLAIN.preprocessing), self.corners)

    @property
    def view(self) -> View:
        sheet = self.straight.sheet
        [grid] = find_grids(sheet)
        return View(marks_of(sheet), grid)

    def layout(self, profile: Profile = PLAIN) -> Layout:
        return lay_out(prepare(self.image, profile.preprocessing), self.corners, profile)
