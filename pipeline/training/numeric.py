"""What the `numeric` recognizer learns from: real cells where there are some, written and set ones.

No two sources look alike: grayscale cut-outs with their surroundings, binarized cells cut tight,
printed table cells. To make one network read them all, each is also turned towards the others:
gray cells are cut tight and binarized, binarized ones softened into gray.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pipeline.preprocess import Gray
from pipeline.training import augment
from pipeline.training.augment import Rng, chance
from pipeline.training.datasets import Labelled
from pipeline.training.datasets.digits import Digits, in_a_ledger, write_number
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
    `printed` printed table cells, `digits` single written digits, `faces` typefaces.
    """

    gray: Sequence[Labelled] = ()
    binary: Sequence[Labelled] = ()
    printed: Sequence[Labelled] = ()
    digits: Digits | None = None
    faces: Sequence[Face] = ()


TWICE = 0.2

SHARES = {"gray": 0.46, "binary": 0.26, "printed": 0.08, "digits": 0.09, "faces": 0.11}


def sampler(source: NumericSource, augmented: bool = True) -> Callable[[Rng], Labelled]:
    """Return a function that makes one training cell; raises `ValueError` without any source."""
    sure = [cell for cell in source.binary if cell.sure]
    unsure = [cell for cell in source.binary if not cell.sure]
    makers: dict[str, Callable[[Rng], Labelled]] = {}
    if source.gray:
        makers["gray"] = lambda rng: _gray(_one(source.gray, rng), source.gray, rng)
    if sure:
        makers["binary"] = lambda rng: _binary(
            _one(unsure if unsure and chance(rng, 0.45) else sure, rng), source.binary, rng
        )
    if source.printed:
        makers["printed"] = lambda rng: _printed(_one(source.printed, rng), rng)
    if source.digits is not None:
        digits = source.digits
        makers["digits"] = lambda rng: _written(digits, rng)
    if source.faces:
        makers["faces"] = lambda rng: _set(source.faces, rng)
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
    gray = augment.warp(cell.gray, rng, 1.2)
    if chance(rng, 0.3):
        gray = augment.stroke(gray, rng)
    if chance(rng, 0.2):
        gray = augment.fade(gray, rng)
    tight = chance(rng, 0.4)
    if tight:
        gray = augment.zoom_in(gray, rng, 0.72, 0.5)
        if chance(rng, 0.3):
            gray = augment.intrude(gray, _one(others, rng).gray, rng)
    if chance(rng, 0.6 if tight else 0.15):
        return _with(cell, augment.binarize(gray, rng))
    gray = augment.tone(gray, rng)
    return _with(cell, augment.jpeg(gray, rng) if chance(rng, 0.1) else gray)


def _binary(cell: Labelled, others: Sequence[Labelled], rng: Rng) -> Labelled:
    gray = augment.margins(cell.gray, rng, 0.15) if chance(rng, 0.4) else cell.gray
    gray = augment.warp(gray, rng)
    if chance(rng, 0.25):
        gray = augment.stroke(gray, rng)
    for _ in range(2):
        if chance(rng, 0.25):
            gray = augment.intrude(gray, _one(others, rng).gray, rng)
    if chance(rng, 0.25):
        return _with(cell, augment.tone(augment.soften(gray, rng), rng))
    return _with(cell, np.where(gray < 128, 0, 255).astype(np.uint8))


def _printed(cell: Labelled, rng: Rng) -> Labelled:
    gray = augment.margins(cell.gray, rng, 0.2) if chance(rng, 0.4) else cell.gray
    gray = augment.warp(gray, rng, 0.5)
    if chance(rng, 0.2):
        return _with(cell, augment.binarize(gray, rng))
    return _with(cell, augment.tone(gray, rng))


def _written(digits: Digits, rng: Rng) -> Labelled:
    text = number(rng)
    row = write_number(text, digits, rng)
    if chance(rng, 0.6):
        row = in_a_ledger([write_number(number(rng), digits, rng), row,
                           write_number(number(rng), digits, rng)], rng)  # fmt: skip
    elif chance(rng, 0.5):
        row = row[round(row.shape[0] * 0.08) : round(row.shape[0] * 0.92)]
    if row.shape[0] > 128:
        row = np.asarray(
            cv2.resize(row, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8
        )
    gray = augment.warp(augment.rules(row, rng), rng, 0.7)
    spellings = (text, text.replace(",", ".")) if "," in text else (text,)
    cell = Labelled(gray, spellings, "digits", "number")
    if chance(rng, 0.4):
        return _with(cell, augment.binarize(gray, rng))
    return _with(cell, augment.tone(augment.soften(gray, rng), rng))


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


def set_text(text: str, face: Face, rng: Rng) -> Gray:
    """Return `text` set in `face` with uneven margins, ink 0 on 255."""
    font = face.font(int(rng.integers(36, 64)))
    left, top, right, bottom = font.getbbox(text)
    pad = (rng.uniform(0.08, 0.5, 4) * font.size).astype(int)
    # A dash alone still stands in the middle of a line's height.
    ascent, descent = font.getmetrics()
    top, bottom = min(top, ascent // 2), max(bottom, int(ascent + descent * 0.3))
    size = (int(right - left + pad[0] + pad[1]), int(bottom - top + pad[2] + pad[3]))
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((pad[0] - left, pad[2] - top), text, 0, font)
    return np.asarray(image)
