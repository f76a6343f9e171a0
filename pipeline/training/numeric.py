"""What the `numeric` recognizer learns from: real cells where there are some, written and set ones.

No two sources look alike: grayscale cut-outs with their surroundings, binarized cells cut tight,
printed table cells. To make one network read them all, each is also turned towards the others:
gray cells are cut tight and binarized, binarized ones softened into gray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pipeline.preprocess import Gray
from pipeline.training import augment
from pipeline.training.augment import Rng, chance
from pipeline.training.datasets import Labelled
from pipeline.training.datasets.digits import Digits, write_number
from pipeline.training.datasets.pieces import cut_figures, spell
from pipeline.training.fonts import Face

PATTERNS = ("dd.d", "dd.d", "dd,d", "ddd", "dd", "d", "d.d", "dddd", "d·ddd", "d.ddd", "dd.dd",
            "-d.d", "-dd.d", "ddd.d", "ddddd", "0.0", "d,d", "ddd,dd")  # fmt: skip
PRINTED = (*PATTERNS, "+d.d", "+d", "–d", "—", "–", '"', "''", "d/dd", "dd:dd", "d½", "d¼", "d¾",
           "dd°", "dd°d", "°", "½", "¼", "(dd)", "dd'", "d d/d", "d⅓", "d⅔", "d⅛", "·ddd",
           ".dd", "dd dd", "...", "-", "d dd", "⅜", "d⅝", "d⅞", "dd+")  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumericSource:
    """Where training cells come from; an empty part is left out.

    `gray` are cells with their surroundings, `binary` cells cut tight in black and white,
    `printed` printed table cells, `digits` single written digits, `faces` typefaces, `hands` those
    of them that look handwritten.
    """

    gray: Sequence[Labelled] = ()
    binary: Sequence[Labelled] = ()
    printed: Sequence[Labelled] = ()
    digits: Digits | None = None
    faces: Sequence[Face] = ()
    hands: Sequence[Face] = ()


TWICE = 0.2

SHARES = {"gray": 0.41, "binary": 0.2, "figures": 0.1, "printed": 0.08, "digits": 0.07,
          "faces": 0.07, "hands": 0.07}  # fmt: skip


def sampler(source: NumericSource, augmented: bool = True) -> Callable[[Rng], Labelled]:
    """Return a function that makes one training cell; raises `ValueError` without any source."""
    sure = [cell for cell in source.binary if cell.sure]
    unsure = [cell for cell in source.binary if not cell.sure]
    makers: dict[str, Callable[[Rng], Labelled]] = {}
    if source.gray:
        makers["gray"] = lambda rng: _gray(_one(source.gray, rng), source.gray, rng)
    if sure:
        makers["binary"] = lambda rng: _binary(
            _one(unsure if unsure and chance(rng, 0.15) else sure, rng), source.binary, rng
        )
        pieces = cut_figures(sure)
        if pieces.hands:
            makers["figures"] = lambda rng: _in_a_ledger(
                lambda text: spell(text, pieces, rng), "figures", rng
            )
    if source.printed:
        makers["printed"] = lambda rng: _printed(_one(source.printed, rng), rng)
    if source.digits is not None:
        digits = source.digits
        makers["digits"] = lambda rng: _in_a_ledger(
            lambda text: write_number(text, digits, rng), "digits", rng
        )
    if source.faces:
        makers["faces"] = lambda rng: _set(source.faces, rng)
    if source.hands:
        makers["hands"] = lambda rng: _in_a_ledger(_face(source.hands, rng), "hands", rng)
    if not makers:
        raise ValueError("nothing to train on")
    if not augmented:
        plain = [*source.gray, *sure, *source.printed]
        return lambda rng: _one(plain, rng)
    names = list(makers)
    shares = np.array([SHARES[name] for name in names])
    shares /= shares.sum()
    return lambda rng: makers[names[int(rng.choice(len(names), p=shares))]](rng)


def number(rng: Rng, patterns: Sequence[str] = PATTERNS) -> str:
    """Return a random number: each `d` of a random pattern becomes a digit, often the last again.

    Twice the same is what CTC finds hardest: it must see where the one ends.
    """
    pattern = patterns[int(rng.integers(len(patterns)))]
    text = ""
    for c in pattern:
        again = text[-1:].isdigit() and chance(rng, TWICE)
        text += (text[-1] if again else str(int(rng.integers(10)))) if c == "d" else c
    return text


def _one(cells: Sequence[Labelled], rng: Rng) -> Labelled:
    return cells[int(rng.integers(len(cells)))]


def _with(cell: Labelled, gray: Gray) -> Labelled:
    return Labelled(gray, cell.texts, cell.group, cell.compare, cell.sure)


def _gray(cell: Labelled, others: Sequence[Labelled], rng: Rng) -> Labelled:
    gray = cell.gray
    if chance(rng, 0.35):
        gray = augment.surround(gray, _one(others, rng).gray, rng)
    gray = augment.warp(gray, rng, _strength(rng, 1.3))
    if chance(rng, 0.3):
        gray = augment.stroke(gray, rng)
    if chance(rng, 0.2):
        gray = augment.fade(gray, rng)
    if chance(rng, 0.2):
        gray = augment.scratch(gray, rng)
    if chance(rng, 0.15):
        gray = augment.erase(gray, rng)
    tight = chance(rng, 0.4)
    if tight:
        gray = augment.zoom_in(gray, rng, 0.72, 0.58)
        if chance(rng, 0.3):
            gray = augment.intrude(gray, _one(others, rng).gray, rng)
    if chance(rng, 0.6 if tight else 0.15):
        return _with(cell, augment.binarize(gray, rng))
    gray = augment.tone(gray, rng)
    return _with(cell, augment.jpeg(gray, rng) if chance(rng, 0.1) else gray)


def _strength(rng: Rng, usual: float) -> float:
    """Return how much a cell is warped: most about `usual`, some nearly twice that."""
    return usual * math.exp(min(float(rng.normal(0, 0.3)), 0.6))


def _binary(cell: Labelled, others: Sequence[Labelled], rng: Rng) -> Labelled:
    gray = augment.margins(cell.gray, rng, 0.25) if chance(rng, 0.5) else cell.gray
    gray = _wider(gray, rng)
    gray = augment.warp(gray, rng, _strength(rng, 1.3))
    if chance(rng, 0.3):
        gray = augment.stroke(gray, rng)
    for _ in range(2):
        if chance(rng, 0.25):
            gray = augment.intrude(gray, _one(others, rng).gray, rng)
    if chance(rng, 0.15):
        gray = augment.scratch(gray, rng)
    if chance(rng, 0.15):
        gray = augment.erase(gray, rng)
    if chance(rng, 0.25):
        return _with(cell, augment.tone(augment.soften(gray, rng), rng))
    return _with(cell, np.where(gray < 128, 0, 255).astype(np.uint8))


def _wider(gray: Gray, rng: Rng) -> Gray:
    """Return a cell as wide a writer's, or as narrow a one's, as there may be."""
    wide = max(8, round(gray.shape[1] * math.exp(float(rng.normal(0, 0.16)))))
    size = (wide, gray.shape[0])
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _printed(cell: Labelled, rng: Rng) -> Labelled:
    gray = augment.margins(cell.gray, rng, 0.2) if chance(rng, 0.4) else cell.gray
    gray = augment.warp(gray, rng, 0.5)
    if chance(rng, 0.2):
        return _with(cell, augment.binarize(gray, rng))
    return _with(cell, augment.tone(gray, rng))


def _in_a_ledger(write: Callable[[str], Gray], group: str, rng: Rng) -> Labelled:
    """Return a number as `write` writes it (ink 0 on 255), among others of a ledger or alone."""
    text = number(rng)
    row = tight(write(text))
    if chance(rng, 0.7):
        gray = amid(row, [tight(write(number(rng))) for _ in range(int(rng.integers(2, 9)))], rng)
    else:
        gray = augment.margins(row, rng, 0.4)
    gray = augment.warp(gray, rng, _strength(rng, 1.0))
    if chance(rng, 0.3):
        gray = augment.stroke(gray, rng)
    if chance(rng, 0.25):
        gray = augment.scratch(gray, rng)
    if chance(rng, 0.15):
        gray = augment.erase(gray, rng)
    spellings = (text, text.replace(",", ".")) if "," in text else (text,)
    cell = Labelled(gray, spellings, group, "number")
    if chance(rng, 0.45):
        return _with(cell, augment.binarize(gray, rng))
    if chance(rng, 0.25):
        gray = augment.fade(gray, rng)
    return _with(cell, augment.tone(augment.soften(gray, rng), rng))


def tight(gray: Gray) -> Gray:
    """Return the part of an image (ink 0 on 255) that has ink, all of it if none has."""
    rows = np.flatnonzero((gray < 128).any(axis=1))
    columns = np.flatnonzero((gray < 128).any(axis=0))
    if not len(rows):
        return gray
    return gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def amid(middle: Gray, others: Sequence[Gray], rng: Rng) -> Gray:
    """Return a tight number with the others around it, in the rules of a ledger."""
    high, wide = middle.shape
    pitch = round(high * float(rng.uniform(1.0, 1.9)))
    column = round(max(wide * float(rng.uniform(1.02, 1.5)), 1.5 * high))
    sheet = np.full((3 * pitch + high, 3 * column + wide), 255, np.uint8)
    centre = sheet.shape[0] // 2, sheet.shape[1] // 2
    places = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
    # Rows above and below are seen most, columns to the sides less.
    order = sorted(places, key=lambda place: abs(place[1]) + float(rng.random()))
    for image, (r, c) in zip([middle, *others], [(0, 0), *order], strict=False):
        y = centre[0] + r * pitch - image.shape[0] // 2 + round(float(rng.normal(0, 0.05)) * high)
        x = centre[1] + c * column - image.shape[1] // 2 + round(float(rng.normal(0, 0.06)) * high)
        y, x = max(0, y), max(0, x)
        part = sheet[y : y + image.shape[0], x : x + image.shape[1]]
        np.minimum(part, image[: part.shape[0], : part.shape[1]], out=part)
    _rule(sheet, centre, pitch, column, rng)
    reach_y = round(max(pitch * float(rng.uniform(0.5, 1.1)), 0.52 * high))
    reach_x = round(max(column * float(rng.uniform(0.5, 0.85)), 0.52 * wide))
    top, left = centre[0] - reach_y, centre[1] - reach_x
    top += round(float(rng.normal(0, 0.04)) * reach_y)
    left += round(float(rng.normal(0, 0.03)) * reach_x)
    return sheet[max(0, top) : top + 2 * reach_y, max(0, left) : left + 2 * reach_x]


def _rule(sheet: Gray, centre: tuple[int, int], pitch: int, column: int, rng: Rng) -> None:
    """Draw upright rules between columns and, solid or dotted, some between rows."""
    height, width = sheet.shape
    if chance(rng, 0.75):
        thick, ink = int(rng.integers(1, 4)), int(rng.integers(0, 80))
        for c in (-1, 1):
            x = centre[1] + round(c * column * float(rng.uniform(0.42, 0.56)))
            sheet[:, x : x + thick] = np.minimum(sheet[:, x : x + thick], ink)
    if chance(rng, 0.7):
        thick, ink = int(rng.integers(1, 3)), int(rng.integers(0, 120))
        period = int(rng.integers(3, 9))
        on = np.ones(width, bool)
        if chance(rng, 0.7):
            on = np.arange(width) % period < period * float(rng.uniform(0.4, 0.8))
        fall = float(rng.uniform(0.25, 0.6))
        for r in (-1, 0, 1):
            y = centre[0] + round((r + fall) * pitch)
            if 0 <= y < height - thick:
                sheet[y : y + thick, on] = np.minimum(sheet[y : y + thick, on], ink)


def _face(faces: Sequence[Face], rng: Rng) -> Callable[[str], Gray]:
    """Return what writes numbers in one face that can."""
    face = faces[int(rng.integers(len(faces)))]
    return lambda text: set_text(text, face if face.has(text) else Face(), rng, 56)


def _set(faces: Sequence[Face], rng: Rng) -> Labelled:
    text = number(rng, PRINTED)
    for _ in range(4):
        face = faces[int(rng.integers(len(faces)))]
        if face.has(text):
            break
    else:
        face = Face()
        text = number(rng)
    gray = set_text(text, face, rng)
    if chance(rng, 0.35):
        gray = augment.rules(gray, rng)
    gray = augment.warp(gray, rng, 0.7)
    if chance(rng, 0.3):
        gray = augment.stroke(gray, rng)
    cell = Labelled(gray, (text,), "faces", "number")
    if chance(rng, 0.35):
        return _with(cell, augment.binarize(gray, rng))
    return _with(cell, augment.tone(augment.soften(gray, rng), rng))


def set_text(text: str, face: Face, rng: Rng, size: int | None = None) -> Gray:
    """Return `text` set in `face` with uneven margins, ink 0 on 255, `size` pixels an em."""
    font = face.font(size or int(rng.integers(36, 64)))
    left, top, right, bottom = font.getbbox(text)
    pad = (rng.uniform(0.08, 0.5, 4) * font.size).astype(int)
    # A dash alone still stands in the middle of a line's height.
    ascent, descent = font.getmetrics()
    top, bottom = min(top, ascent // 2), max(bottom, int(ascent + descent * 0.3))
    wide, high = int(right - left + pad[0] + pad[1]), int(bottom - top + pad[2] + pad[3])
    image = Image.new("L", (wide, high), 255)
    ImageDraw.Draw(image).text((pad[0] - left, pad[2] - top), text, 0, font)
    return np.asarray(image)
