"""The lessons of the recognizers of lines: `latin` and, from faces alone, `korean`.

Whole writers and books are held back to validate on. Of the development data these are, among the
handwriting, the register riant-4, the letters 01R and two of the hands of stanford-memorials; in
print, the headings of that register, a typewritten and a printed letter of stanford-memorials and
every third book of archiscribe-lines. Of folders not named here each is one writer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput
from pipeline.recognition.alphabets import KOREAN, LATIN
from pipeline.recognition.network import RecognizerConfig
from pipeline.recognition.network import Sequence as Layer
from pipeline.training.augment import Rng
from pipeline.training.datasets import Labelled, split
from pipeline.training.datasets.corrected import read_corrected
from pipeline.training.datasets.lines import IMAGES, Line, Style, read_pages, read_pairs
from pipeline.training.fonts import INSTALLED
from pipeline.training.hands import Hand, find_hands
from pipeline.training.lines import Drawn, Real, sampler
from pipeline.training.recognizer import Lesson
from pipeline.training.texts import in_fraktur, line_text, read_texts
from pipeline.training.texts_korean import line_text as korean_text
from pipeline.training.texts_korean import read_words

WRITER = {
    "cremma-20": r"01R|",
    "stanford-memorials": r".*",
    "archiscribe-lines": r".*(?=_)",
}
"""By folder, the part of a page's name that tells its writer or book; of others all are one's."""

HELD = re.compile(
    r"riant-4/|cremma-20/01R|stanford-memorials/.*_i08[1345]"
    r"|archiscribe-lines/(?:1803|1812|1815|1818|1820|1824|1827|1830)"
)
"""Writers and books that are validated on, never trained on."""

LATIN_STYLES = {
    "hand": 0.34, "script": 0.20, "serif": 0.21, "fraktur": 0.11, "typewriter": 0.08, "sans": 0.06,
}  # fmt: skip
REAL_SHARES: Mapping[Style, float] = {"hand": 0.30, "print": 0.12}
LATIN_CONFIG = RecognizerConfig(
    LATIN, height=40, least=32, area=9600, channels=(24, 48, 96), width=192, layers=3,
    sequence="dilated",
)  # fmt: skip
CROPS = 32

KOREAN_STYLES = {"hangul": 0.5, "hangul-hand": 0.5}
KOREAN_HELD = ("gowun-batang", "ibm-plex-sans-kr", "gamja-flower", "hi-melody")
"""Packages whose faces are validated on, never trained on."""

KOREAN_CONFIG = replace(LATIN_CONFIG, alphabet=KOREAN)
KOREAN_NEEDED = "가나다라마바사아자차카타파하"
DRAWN = 300


def latin(data: Path | None, _work: Path, layer: Layer = "dilated") -> Lesson:
    """Return the lesson of the `latin` recognizer.

    Below `data`, pages (ALTO or PAGE XML beside an image) and pairs of `NAME.png` and `NAME.txt`
    are real lines. Without any writer to validate on, the pages of `data` itself are corrected
    ones, and some of them validate; without these, drawn lines do. Raises `BadInput`.
    """
    train, held = real_lines(data) if data is not None else ([], {})
    if data is not None and not held:
        own, held["corrected"] = split(read_corrected(data, LATIN))
        train = [Line(sample, "hand") for sample in own]
        held = {name: samples for name, samples in held.items() if samples}
    texts = read_texts([line.labelled.texts[0] for line in train])
    hands = find_hands(tuple(LATIN_STYLES), LATIN, INSTALLED)
    drawn = Drawn(hands, LATIN_STYLES, lambda rng: line_text(texts, rng), {"fraktur": in_fraktur})
    real = [
        Real([line.labelled for line in train if line.style == style], share)
        for style, share in REAL_SHARES.items()
    ]
    sample = sampler(drawn, real)
    config = replace(LATIN_CONFIG, sequence=layer)
    return Lesson(config, sample, held or {"drawn": draw_some(sample)}, CROPS)


def korean(_data: Path | None, _work: Path, layer: Layer = "dilated") -> Lesson:
    """Return the lesson of the `korean` recognizer: drawn lines, in other faces to validate on."""
    words = read_words()
    hands = find_hands(tuple(KOREAN_STYLES), KOREAN, INSTALLED, KOREAN_NEEDED)
    held = [hand for hand in hands if _package(hand) in KOREAN_HELD]

    def drawing(hands: list[Hand]) -> Callable[[Rng], Labelled]:
        styles = {style: KOREAN_STYLES[style] for style in {hand.style for hand in hands}}
        return sampler(Drawn(hands, styles, lambda rng: korean_text(words, rng), {}))

    validation = {
        style: draw_some(drawing([hand for hand in held if hand.style == style]))
        for style in KOREAN_STYLES
        if any(hand.style == style for hand in held)
    }
    sample = drawing([hand for hand in hands if hand not in held])
    config = replace(KOREAN_CONFIG, sequence=layer)
    held_back = validation or {"drawn": draw_some(sample)}
    return Lesson(config, sample, held_back, CROPS, begins_with="latin")


def draw_some(sample: Callable[[Rng], Labelled]) -> list[Labelled]:
    """Return `DRAWN` drawn samples, the same at every call."""
    rng = np.random.default_rng(0)
    return [sample(rng) for _ in range(DRAWN)]


def _package(hand: Hand) -> str:
    return "" if hand.faces[0].path is None else hand.faces[0].path.parent.name


def real_lines(data: Path) -> tuple[list[Line], dict[str, list[Labelled]]]:
    """Return the lines below `data` to train on, and those to validate on by folder and style."""
    train: list[Line] = []
    held: dict[str, list[Labelled]] = {}
    for line in find_lines(data):
        group = line.labelled.group
        if HELD.match(group):
            held.setdefault(f"{group.partition('/')[0]}_{line.style}", []).append(line.labelled)
        else:
            train.append(line)
    return train, held


def find_lines(data: Path) -> list[Line]:
    """Return all lines of the pages and the pairs below `data`, in order. Raises `BadInput`."""
    if not data.is_dir():
        raise BadInput(str(data), "no such folder", "give the folder of the training data")
    found: list[Line] = []
    for folder in sorted({data, *(path for path in data.rglob("*") if path.is_dir())}):
        writer = re.compile(WRITER.get(folder.name, ""))

        def group(stem: str, name: str = folder.name, writer: re.Pattern[str] = writer) -> str:
            match = writer.match(stem)
            return f"{name}/{match[0] if match else ''}"

        if any(file.with_suffix(s).exists() for file in folder.glob("*.xml") for s in IMAGES):
            found.extend(read_pages(folder, group))
        if any(file.with_suffix(".png").exists() for file in folder.glob("*.txt")):
            found.extend(read_pairs(folder, group, "print"))
    return found
