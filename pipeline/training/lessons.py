"""Lessons by name: what `ledgermill train recognizer --profile NAME` teaches, and from what.

A folder of data is searched for what can be learnt from: a `cells.csv` with its cut-outs, IDX
files of single digits, pages with truth grids (`images/NAME.jpg`, `truth/NAME.csv`). Whole groups
(folders, writers, books) are held back to validate on, never single samples of them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines import load_engine
from pipeline.errors import BadInput
from pipeline.profiles import load_profile
from pipeline.recognition.alphabets import NUMERIC
from pipeline.recognition.network import RecognizerConfig
from pipeline.recognition.network import Sequence as Layer
from pipeline.training.datasets import Labelled, split
from pipeline.training.datasets.cells import read_cells
from pipeline.training.datasets.corrected import read_corrected
from pipeline.training.datasets.digits import read_digits
from pipeline.training.datasets.tables import read_tables
from pipeline.training.fonts import faces_of
from pipeline.training.numeric import NumericSource, sampler
from pipeline.training.prose import korean, latin
from pipeline.training.recognizer import Lesson

STYLES = ("hand", "script", "serif", "typewriter", "sans")
MOST_PRINTED = 500
HEIGHT = 96
"""Rows that the numeric network sees: a cell with its surroundings fills them, a tight one half."""

LAYERS = 3
"""Of dilated convolutions, six in all: the last sees the whole of a cell, its neighbours too."""


def numeric(data: Path | None, work: Path, layer: Layer = "dilatedPos") -> Lesson:
    """Return the lesson of the `numeric` recognizer.

    `data` is searched for cells, digits and table pages, and may itself hold corrected pages;
    without it, everything is drawn. What is cut out of the table pages is kept in `work/printed`.
    Raises `BadInput` for a folder or file that cannot be read.
    """
    gray: list[Labelled] = []
    binary: list[Labelled] = []
    printed: list[Labelled] = []
    held: dict[str, list[Labelled]] = {}
    digits = None
    for folder in _folders(data):
        if (folder / "cells.csv").exists():
            cells = read_cells(folder)
            train, held[folder.name] = split(cells)
            (binary if _black_and_white(cells) else gray).extend(train)
        elif (folder / "truth").is_dir() and (folder / "images").is_dir():
            cells = cut_out(folder, work / "printed" / folder.name)
            train, validation = split(cells)
            held[folder.name] = validation[:: max(1, len(validation) // MOST_PRINTED)]
            printed.extend(train)
        elif any(folder.glob("*idx3*")):
            digits = read_digits(folder)
    corrected = read_corrected(data, NUMERIC) if data is not None else []
    if corrected:
        train, held["corrected"] = split(corrected)
        gray.extend(train)
    source = NumericSource(gray, binary, printed, digits, faces_of(STYLES))
    make = sampler(source)
    if not held:
        rng = np.random.default_rng(0)
        held["drawn"] = [make(rng) for _ in range(500)]
    return Lesson(
        RecognizerConfig(NUMERIC, height=HEIGHT, layers=LAYERS, sequence=layer), make, held
    )


def numeric_second(data: Path | None, work: Path) -> Lesson:
    """Return the lesson of what is asked where `numeric` is unsure: built otherwise, it errs so."""
    return replace(numeric(data, work), config=RecognizerConfig(NUMERIC))


LESSONS: dict[str, Callable[[Path | None, Path], Lesson]] = {
    "numeric": numeric,
    "numeric-second": numeric_second,
    "latin": latin,
    "korean": korean,
}


def _folders(data: Path | None) -> list[Path]:
    if data is None:
        return []
    if not data.is_dir():
        raise BadInput(str(data), "no such folder", "give the folder of the training data")
    return [data, *sorted(folder for folder in data.iterdir() if folder.is_dir())]


def _black_and_white(cells: Iterable[Labelled]) -> bool:
    values = [((cell.gray > 32) & (cell.gray < 224)).mean() for cell in list(cells)[:50]]
    return float(np.mean(values)) < 0.02


def cut_out(pages: Path, folder: Path) -> list[Labelled]:
    """Return the cells of the pages with truth in `pages`, cut out once and kept in `folder`."""
    listed = folder / "cells.csv"
    if not listed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        profile = load_profile("default").model_copy(update={"engine": "rapidocr"})
        engine = load_engine(profile, "auto")
        rows = []
        for i, cell in enumerate(
            read_tables(pages / "images", pages / "truth", profile, engine, mark="·")
        ):
            name = f"{i:06d}.png"
            cv2.imwrite(str(folder / name), cell.gray)
            rows.append((name, cell.group, cell.texts[0]))
        with listed.open("w", newline="") as file:
            csv.writer(file).writerows([("image", "folder", "truth"), *rows])
    return [replace(cell, texts=cell.texts[-1:]) for cell in read_cells(folder)]
