"""Lines of text set in installed faces: print, old print, typewriter, script and handwriting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, chance
from pipeline.training.fonts import INSTALLED, Face

WEB = re.compile(r"(?P<family>.+)-(?:latin-ext|latin|korean)-(?P<rest>\d+-\w+)")
"""Names of fonts that come in parts, each of some characters."""

ABOVE = "\u0364"
"""The small e above a letter, as Fraktur sets umlauts; faces that lack it have an e."""

WRITTEN = ("hand", "script", "hangul-hand")
NEEDED = "etaoin"


@dataclass(frozen=True, slots=True)
class Hand:
    """A way of writing: the files of one face, and which of them has each character."""

    style: str
    faces: tuple[Face, ...]
    of: Mapping[str, int] = field(repr=False)

    @property
    def written(self) -> bool:
        """By hand, so that no two letters stand quite alike."""
        return self.style in WRITTEN


def find_hands(
    styles: Sequence[str], alphabet: str, folder: Path = INSTALLED, needed: str = NEEDED
) -> list[Hand]:
    """Return the hands of these styles in `folder/STYLE/PACKAGE/`, in order of their paths.

    Each can write at least the characters of `needed`. The list depends on what is installed.
    """
    found = []
    for style in styles:
        groups: dict[tuple[Path, str], list[Path]] = {}
        for file in sorted((folder / style).glob("*/*")):
            if file.suffix not in (".ttf", ".otf", ".woff"):
                continue
            web = WEB.fullmatch(file.stem)
            name = f"{web['family']}-{web['rest']}" if web else file.stem
            groups.setdefault((file.parent, name), []).append(file)
        for files in groups.values():
            faces = tuple(map(Face, files))
            of = {}
            for index, face in reversed(list(enumerate(faces))):
                of.update(dict.fromkeys(covered(face, alphabet), index))
            if all(c in of for c in needed):
                found.append(Hand(style, faces, of))
    return found


def covered(face: Face, alphabet: str) -> set[str]:
    """Return the characters of `alphabet` that the face draws, each with ink of its own."""
    try:
        font = face.font(24)
    except OSError:
        return set()
    missing = {bytes(font.getmask(c)) for c in "\U0010fffd\uffff\u0e5b"}
    drawn = {c: bytes(font.getmask(c)) for c in alphabet if not c.isspace()}
    seen = {c for c, mask in drawn.items() if mask not in missing and any(mask)}
    return {c for c in seen if c.isupper() or drawn.get(c.upper()) != drawn[c] or c == c.upper()}


def writable(text: str, hand: Hand) -> str:
    """Return the part of `text` that the hand can write, with bare letters for accented ones."""
    kept: list[str] = []
    for c in text:
        bare = unicodedata.normalize("NFKD", c)[0]
        if c in hand.of or c == " " or (c == ABOVE and kept and kept[-1].isalpha()):
            kept.append(c)
        elif bare in hand.of:
            kept.append(bare)
    return " ".join("".join(kept).split())


def set_line(text: str, hand: Hand, size: int, rng: Rng) -> Gray:
    """Return `text`, which the hand can write, `size` pixels an em, ink 0 on 255, cut tight."""
    spread = float(rng.uniform(0.03, 0.3)) * size if chance(rng, 0.06) else 0.0
    wide = int(size * (1.1 * len(text) + 2) + spread * len(text))
    canvas = Image.new("L", (wide, 3 * size), 0)
    draw = ImageDraw.Draw(canvas)
    gap = size * float(rng.uniform(0.16, 0.45))
    drift = 0.035 * size if hand.written else 0.006 * size
    x, base = float(size), 2.0 * size
    for word in text.split(" "):
        y = base + float(rng.normal(0, drift))
        x = _word(draw, word, hand, size, (x, y), spread, canvas.width)
        x += gap * (float(rng.uniform(0.8, 1.5)) if hand.written else 1)
    ink = np.asarray(canvas)
    box = canvas.getbbox()
    if box is None:
        return np.full((size, size), 255, np.uint8)
    return np.asarray(255 - ink[box[1] : box[3], box[0] : box[2]], np.uint8)


def _word(
    draw: ImageDraw.ImageDraw,
    word: str,
    hand: Hand,
    size: int,
    at: tuple[float, float],
    spread: float,
    most: float,
) -> float:
    """Draw a word with its foot at `at` and return where it ends."""
    x, y = at
    for run, index in runs(word, hand, bool(spread)):
        if x > most - size:
            break
        font = hand.faces[index].font(size)
        if run == ABOVE:
            small = hand.faces[index].font(max(6, size // 2))
            middle = x - 0.28 * size - spread
            draw.text((middle, y - 0.52 * size), "e", 255, small, anchor="ms")
            continue
        draw.text((x, y), run, 255, font, anchor="ls")
        x += font.getlength(run) + spread
    return x


def runs(word: str, hand: Hand, single: bool = False) -> Iterable[tuple[str, int]]:
    """Yield the parts of a word that one file draws; single letters if they are set apart."""
    part, last = "", -1
    for c in word:
        index = hand.of.get(c, hand.of.get("e", 0))
        if part and (index != last or single or ABOVE in (c, part)):
            yield part, last
            part = ""
        part, last = part + c, index
    if part:
        yield part, last
