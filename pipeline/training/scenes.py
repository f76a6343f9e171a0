"""Drawn pages that are not tables of one of the layouts: prose, letters, registers, dense numbers.

What a detector learns from them is what a text is: a line of prose is one whatever its length,
a cell is one however near its neighbour stands, turned headings are texts, and rules, stamps,
blots and flourishes are none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.page import Line, Polygon, Transcription
from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, chance
from pipeline.training.degrade import degrade, some_wear
from pipeline.training.draw import DrawnPage
from pipeline.training.hands import Hand, set_line, writable
from pipeline.training.texts import Texts, line_text

EM = (18, 22, 26, 32, 40)
"""Sizes of text in pixels: few, so that fonts are not loaded again and again."""

NARROWEST = 4
"""Texts of fewer pixels each way are left out."""


@dataclass(frozen=True, slots=True)
class Case:
    """What scenes are set from: hands by style, and the words of the languages."""

    hands: Sequence[Hand]
    texts: Texts

    def hand(self, rng: Rng, written: bool) -> Hand:
        """Return a hand that is written, or one that is printed."""
        fit = [hand for hand in self.hands if hand.written == written] or list(self.hands)
        return fit[int(rng.integers(len(fit)))]


class Sheet:
    """A page that is being drawn, and the corners of what stands on it."""

    def __init__(self, height: int, width: int) -> None:
        self.image: Gray = np.full((height, width), 255, np.uint8)
        self.lines: list[Line] = []

    def write(self, ink: Gray, x: float, y: float, turn: float = 0.0) -> None:
        """Put a tight text (ink 0 on 255) with its top left at (x, y), turned about that corner.

        `turn` is in degrees, counter-clockwise. What would not lie on the page is left out.
        """
        height, width = ink.shape
        if min(height, width) < NARROWEST:
            return
        matrix = cv2.getRotationMatrix2D((0, 0), turn, 1.0)
        box = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        seen = box @ matrix[:, :2].T + (x, y)
        low, high = np.floor(seen.min(0)).astype(int) - 1, np.ceil(seen.max(0)).astype(int) + 2
        if (low < 0).any() or high[0] > self.image.shape[1] or high[1] > self.image.shape[0]:
            return
        matrix[:, 2] = (x, y) - low
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        turned = cv2.warpAffine(255 - ink, matrix, size, flags=cv2.INTER_LINEAR)
        part = self.image[low[1] : high[1], low[0] : high[0]]
        np.minimum(part, 255 - turned, out=part, casting="unsafe")
        a, b, c, d = ((float(px), float(py)) for px, py in seen)
        corners: Polygon = (a, b, c, d)
        self.lines.append(Line("", 1.0, corners))

    def rule(self, start: tuple[float, float], end: tuple[float, float], thick: int) -> None:
        """Draw a rule, which is no text."""
        (x0, y0), (x1, y1) = start, end
        shade = 60 if thick < 3 else 20
        ends = (round(x0), round(y0)), (round(x1), round(y1))
        cv2.line(self.image, *ends, shade, thick, cv2.LINE_AA)

    def page(self) -> DrawnPage:
        """Return what was drawn."""
        height, width = self.image.shape
        return DrawnPage(self.image, Transcription(width, height, 0.0, tuple(self.lines), ()))


def scene(case: Case, rng: Rng) -> tuple[Gray, NDArray[np.float32]]:
    """Draw a page of one of the kinds, worn: its pixels, and the corners of its texts."""
    kinds: Sequence[Callable[[Case, Rng], Sheet]] = (prose, letter, register, numbers, numbers)
    while True:
        sheet = kinds[int(rng.integers(len(kinds)))](case, rng)
        if sheet.lines:
            break
    litter(sheet, rng)
    page = degrade(sheet.page(), rng, some_wear(rng))
    corners = np.array([line.polygon for line in page.truth.lines], np.float32)
    return page.image, corners


def prose(case: Case, rng: Rng) -> Sheet:
    """One to three columns of running text under a heading, in print or by hand."""
    em, written = int(rng.choice(EM)), chance(rng, 0.45)
    hand = case.hand(rng, written)
    columns = 1 if written else int(rng.choice((1, 1, 2, 3)))
    measure = em * float(rng.uniform(14, 34)) / columns**0.5
    leading = em * float(rng.uniform(1.05, 2.0))
    rows = int(rng.integers(6, 34))
    gutter = em * float(rng.uniform(1.2, 3))
    margin = 3 * em
    width = round(2 * margin + columns * measure + (columns - 1) * gutter)
    sheet = Sheet(round(2 * margin + rows * leading + 4 * em), width)
    head = set_text(case, case.hand(rng, False), round(em * float(rng.uniform(1.1, 2.2))), rng, 20)
    sheet.write(head, (width - head.shape[1]) / 2, margin)
    for column in range(columns):
        left = margin + column * (measure + gutter)
        paragraph(sheet, case, hand, em, (left, margin + 3.5 * em), measure, leading, rows, rng)
    return sheet


def paragraph(
    sheet: Sheet,
    case: Case,
    hand: Hand,
    em: int,
    at: tuple[float, float],
    measure: float,
    leading: float,
    rows: int,
    rng: Rng,
) -> None:
    """Set `rows` lines as wide as `measure`, the last of each paragraph shorter."""
    slope = float(rng.normal(0, 0.6)) if hand.written else 0.0
    for row in range(rows):
        last = chance(rng, 0.15)
        wide = measure * float(rng.uniform(0.2, 0.9)) if last else measure
        indent = 1.5 * em if chance(rng, 0.15) else 0.0
        ink = filling(case, hand, em, wide - indent, rng)
        uneven = float(rng.normal(0, 0.06)) * em if hand.written else 0.0
        turn = slope + float(rng.normal(0, 0.25)) if hand.written else 0.0
        middle = at[1] + row * leading + 0.5 * em + uneven - ink.shape[0] / 2
        sheet.write(ink, at[0] + indent, middle, turn)


def letter(case: Case, rng: Rng) -> Sheet:
    """A letter: a printed head, place and date at the right, some lines, a signature."""
    em = int(rng.choice(EM))
    width = round(em * float(rng.uniform(26, 44)))
    sheet = Sheet(round(width * float(rng.uniform(0.8, 1.4))), width)
    hand, printed = case.hand(rng, chance(rng, 0.7)), case.hand(rng, False)
    y = 1.5 * em
    for _ in range(int(rng.integers(0, 4))):
        ink = set_text(case, printed, round(em * float(rng.uniform(0.7, 1.6))), rng, 26)
        sheet.write(ink, (width - ink.shape[1]) * float(rng.choice((0.1, 0.5, 0.9))), y)
        y += 1.5 * ink.shape[0] + 0.3 * em
    date = set_text(case, hand, em, rng, 18)
    sheet.write(date, width - date.shape[1] - 2 * em, y + em)
    leading = em * float(rng.uniform(1.2, 2.4))
    rows = max(1, int((sheet.image.shape[0] - y - 7 * em) / leading))
    rows = min(rows, int(rng.integers(2, 24)))
    paragraph(sheet, case, hand, em, (2.5 * em, y + 3.5 * em), width - 5 * em, leading, rows, rng)
    name = set_text(case, hand, round(1.4 * em), rng, 14)
    sheet.write(name, width * 0.5, y + 4 * em + rows * leading, float(rng.uniform(-4, 10)))
    return sheet


def register(case: Case, rng: Rng) -> Sheet:
    """A ruled register: numbers, dates, paragraphs in one wide column, sums; some heads turned."""
    em = int(rng.choice(EM))
    hand, printed = case.hand(rng, chance(rng, 0.8)), case.hand(rng, False)
    widths = [em * float(rng.uniform(2.4, 6)) for _ in range(int(rng.integers(3, 8)))]
    wide = int(rng.integers(len(widths)))
    widths[wide] = em * float(rng.uniform(9, 18))
    xs = np.cumsum([2.0 * em, *widths])
    leading = em * float(rng.uniform(1.15, 1.7))
    rows = int(rng.integers(8, 30))
    top, head = 2.0 * em, em * float(rng.uniform(1.6, 5))
    bottom = top + head + rows * leading + em
    sheet = Sheet(round(bottom + 2 * em), round(xs[-1] + 2 * em))
    thick = int(rng.choice((1, 2, 3)))
    for x in xs[int(chance(rng, 0.4)) : len(xs) - int(chance(rng, 0.4))]:
        sheet.rule((x, top), (x, bottom), thick)
    for y in (top, top + head):
        sheet.rule((xs[0], y), (xs[-1], y), thick)
    for left, right in itertools.pairwise(xs):
        title = set_text(case, printed, round(0.75 * em), rng, 14)
        if title.shape[1] < right - left - 0.5 * em:
            middle = (left + right - title.shape[1]) / 2
            sheet.write(title, middle, top + (head - title.shape[0]) / 2)
        elif title.shape[1] < head - 0.4 * em:
            below = top + (head + title.shape[1]) / 2
            sheet.write(title, (left + right - title.shape[0]) / 2, below, 90)
    ruled = chance(rng, 0.4)
    entry = 0
    for row in range(rows):
        y = top + head + 0.5 * em + row * leading
        first, entry = entry == 0, entry - 1 if entry else int(rng.integers(0, 5))
        if ruled:
            sheet.rule((xs[0], y + leading), (xs[-1], y + leading), 1)
        for i, (left, right) in enumerate(itertools.pairwise(xs)):
            room = right - left - 0.4 * em
            if i == wide:
                ink = filling(case, hand, em, room * float(rng.uniform(0.5, 1.0)), rng)
            elif first and chance(rng, 0.8):
                ink = number(hand, em, rng)
            else:
                continue
            if ink.shape[1] <= room:
                slack = room - ink.shape[1]
                x = left + 0.2 * em + slack * (0 if i == wide else float(rng.uniform(0.1, 0.9)))
                sheet.write(ink, x, y + (leading - ink.shape[0]) / 2, float(rng.normal(0, 0.5)))
    return sheet


def numbers(case: Case, rng: Rng) -> Sheet:
    """A table of numbers as dense as they come, ruled, partly ruled or open."""
    em, written = int(rng.choice(EM[:4])), chance(rng, 0.5)
    hand = case.hand(rng, written)
    form = int(rng.integers(len(FORMS)))
    sample = max(number(hand, em, rng, form).shape[1] for _ in range(6))
    pitch = sample + em * float(rng.uniform(0.35, 1.6))
    leading = em * float(rng.uniform(0.95, 1.8))
    columns, rows = int(rng.integers(3, 24)), int(rng.integers(6, 42))
    left, top = 2 * em + 4.0 * em, 3.0 * em
    right, bottom = left + columns * pitch, top + rows * leading
    sheet = Sheet(round(bottom + 3 * em), round(right + 2 * em))
    upright, level = float(rng.choice((0, 0.2, 1))), float(rng.choice((0, 0.2, 1)))
    thick = int(rng.choice((1, 2, 2, 4)))
    for column in range(columns + 1):
        if chance(rng, upright):
            x = left + column * pitch
            sheet.rule((x, top - em), (x, bottom), thick)
    full, align = float(rng.uniform(0.5, 1.0)), float(rng.choice((0.1, 0.5, 0.9)))
    for row in range(rows):
        y = top + row * leading
        if chance(rng, level):
            sheet.rule((left, y), (right, y), 1)
        label = number(hand, em, rng, 0)
        sheet.write(label, left - label.shape[1] - 0.6 * em, y + (leading - label.shape[0]) / 2)
        for column in range(columns):
            ink = number(hand, em, rng, form)
            if ink.shape[1] > pitch - 0.3 * em or not chance(rng, full):
                continue
            uneven = float(rng.normal(0, 0.12 if written else 0.02)) * em
            x = left + column * pitch + (pitch - ink.shape[1]) * align
            room = max(0.0, (pitch - ink.shape[1]) / 2 - 0.15 * em)
            x += float(np.clip(uneven, -room, room))
            high = y + (leading - ink.shape[0]) / 2 + 0.4 * uneven
            sheet.write(ink, x, high, float(rng.normal(0, 1.0)) if written else 0.0)
    return sheet


FORMS = ("#", "#.#", "##.#", "##,#", "#·###", "0·###", "##.##", "###", "####", "29.###", "+#.#")


def number(hand: Hand, em: int, rng: Rng, form: int | None = None) -> Gray:
    """Return a number as the hand writes it; of the form of that index, or of any."""
    pattern = FORMS[int(rng.integers(len(FORMS))) if form is None else form]
    text = "".join(str(int(rng.integers(10))) if c == "#" else c for c in pattern)
    if pattern == "#" and chance(rng, 0.6):
        text += str(int(rng.integers(10)))
    return set_line(writable(text, hand) or "1", hand, em, rng)


def set_text(case: Case, hand: Hand, em: int, rng: Rng, longest: int) -> Gray:
    """Return a text of at most `longest` characters as the hand writes it."""
    text = ""
    while not text.strip():
        text = writable(line_text(case.texts, rng)[:longest].strip(), hand)
    return set_line(text, hand, em, rng)


def filling(case: Case, hand: Hand, em: int, measure: float, rng: Rng) -> Gray:
    """Return a line of words that is about as wide as `measure` pixels, and no wider."""
    text = ""
    while len(text) * 0.6 * em < measure:
        text = f"{text} {line_text(case.texts, rng)}".strip()
    ink = set_line(writable(text, hand) or "e", hand, em, rng)
    share = measure / ink.shape[1]
    while share < 1:
        words = text.split()
        kept = max(1, int(len(words) * share))
        text = " ".join(words[:kept]) if kept < len(words) else " ".join(words[:-1])
        text = text or words[0][: max(1, len(words[0]) - 2)]
        ink = set_line(writable(text, hand) or "e", hand, em, rng)
        share = measure / ink.shape[1] if len(text) > 1 else 1
    return ink


def litter(sheet: Sheet, rng: Rng) -> None:
    """Add what is no text: a stamp, blots, flourishes, an ornamental rule."""
    height, width = sheet.image.shape
    place = (int(rng.integers(width)), int(rng.integers(height)))
    if chance(rng, 0.15):
        radius = int(rng.integers(20, 80))
        for r in (radius, radius - 4, int(0.6 * radius)):
            cv2.circle(sheet.image, place, r, int(rng.integers(90, 190)), 2, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 3)) if chance(rng, 0.4) else 0):
        spot = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(2, 14)), int(rng.integers(2, 9)))
        cv2.ellipse(sheet.image, spot, axes, float(rng.uniform(0, 180)), 0, 360, 40, -1)
    if chance(rng, 0.25):
        steps = np.cumsum(rng.normal(0, 26, (8, 2)) + rng.normal(0, 18, 2), axis=0) + place
        curve = cv2.resize(steps.astype(np.float32), (2, 64), interpolation=cv2.INTER_CUBIC)
        cv2.polylines(sheet.image, [curve.astype(np.int32)], False, 50, 2, cv2.LINE_AA)
    if chance(rng, 0.2):
        x = width // 2 + int(rng.integers(-60, 60))
        sheet.rule((x - 60, place[1]), (x + 60, place[1]), int(rng.integers(1, 6)))
