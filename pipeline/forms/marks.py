"""Marks: what is drawn and printed on a page, by which it is laid onto others of its form."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.forms.form import Form
from pipeline.tables.structure.grid import Sheet

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marks:
    """What a straightened page shows, in its pixels, or a form, in table widths.

    `upright` (N x 3: x, y0, y1) and `level` (N x 3: y, x0, x1) are unbroken pieces of rules,
    `printed` (N x 4: x0, y0, x1, y1) the boxes of strokes. `height` is that of a character.
    """

    upright: Array
    level: Array
    printed: Array
    height: float


def marks_of(sheet: Sheet) -> Marks:
    """Return the marks of a straightened page; specks and blots are none."""
    h = sheet.height
    x, y, wide, tall, area = sheet.text.stats[1:].T.astype(np.float64)
    whole = (area >= 0.05 * h * h) & (np.maximum(wide, tall) >= 0.4 * h)
    whole &= (tall <= 3 * h) & (wide <= 6 * h)
    boxes = np.column_stack([x, y, x + wide, y + tall])[whole]
    upright = sheet.rules.vertical_pieces.astype(np.float64)
    level = sheet.rules.horizontal_pieces.astype(np.float64)
    return Marks(
        np.column_stack([upright[:, [0, 2]].mean(axis=1), upright[:, [1, 3]]]),
        np.column_stack([level[:, [1, 3]].mean(axis=1), level[:, [0, 2]]]),
        boxes,
        h,
    )


def marks_of_form(form: Form) -> Marks | None:
    """Return the marks of a form, in table widths; `None` where it has no grid."""
    if form.grid is None:
        return None
    marks = form.marks
    return Marks(
        np.array(marks.upright, np.float64).reshape(-1, 3),
        np.array(marks.level, np.float64).reshape(-1, 3),
        np.array(marks.printed, np.float64).reshape(-1, 4),
        form.grid.height,
    )


@dataclass(frozen=True, slots=True)
class Transform:
    """Maps places (x, y) of one page or form to those of another.

    `matrix` (2 x 3) is applied to (x, y, 1).
    """

    matrix: Array

    def apply(self, points: Array) -> Array:
        """Map points (N x 2)."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def inverse(self) -> Transform:
        """Return the way back."""
        return Transform(np.asarray(cv2.invertAffineTransform(self.matrix), np.float64))

    @property
    def scale(self) -> float:
        """How much longer things become, the mean of both directions."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def marks(self, marks: Marks) -> Marks:
        """Map marks; what is upright or level stays so, by its middle."""
        return Marks(
            _moved(marks.upright, self, upright=True),
            _moved(marks.level, self, upright=False),
            self.apply(marks.printed.reshape(-1, 2)).reshape(-1, 4),
            marks.height * self.scale,
        )


def _moved(pieces: Array, to: Transform, upright: bool) -> Array:
    across, begin, end = pieces.T
    if upright:
        first, last = (
            to.apply(np.column_stack([across, begin])),
            to.apply(np.column_stack([across, end])),
        )
        return np.column_stack([(first[:, 0] + last[:, 0]) / 2, first[:, 1], last[:, 1]])
    first, last = (
        to.apply(np.column_stack([begin, across])),
        to.apply(np.column_stack([end, across])),
    )
    return np.column_stack([(first[:, 1] + last[:, 1]) / 2, first[:, 0], last[:, 0]])
