"""Cut-out cells of a `cells.csv`, with every spelling that their truth leaves open."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from pipeline.evaluation.tables import Compare
from pipeline.preprocess import Gray, grayscale
from pipeline.training.datasets import Labelled, reduced

TALLEST = 128
"""Cut-outs are kept no taller than this: twice what the network sees."""


def read_cells(folder: Path) -> list[Labelled]:
    """Return the cut-outs listed in `folder/cells.csv`.

    The file's columns are `image`, `truth` and one of `sheet` (compared by digits: the ink of such
    sheets often omits the decimal mark) and `folder` (compared as numbers). Where the truth is
    empty, an optional column `meteosaver` gives another program's reading, which is not `sure`.
    Raises `BadInput` where there is no such file.
    """
    file = folder / "cells.csv"
    try:
        rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(file), f"cannot be read ({error})", "give the folder of it") from error
    return list(_labelled(folder, rows))


def _labelled(folder: Path, rows: list[dict[str, str]]) -> Iterator[Labelled]:
    for row in rows:
        by_sheet = "sheet" in row
        truth = row["truth"] or row.get("meteosaver", "")
        if not truth:
            continue
        compare: Compare = "digits" if by_sheet else "number"
        yield Labelled(
            reduced(_load(folder / row["image"]), TALLEST),
            by_digits(truth) if by_sheet else as_number(truth),
            writer_of(row["sheet"]) if by_sheet else row.get("folder", ""),
            compare,
            sure=bool(row["truth"]),
        )


def as_number(truth: str) -> tuple[str, ...]:
    """Return how a number may have been written, of which its value alone is known."""
    return (truth,) if {".", "·"} & set(truth) else (f"{truth}.0", truth)


def by_digits(truth: str) -> tuple[str, ...]:
    """Return how a number may have been written whose decimal mark may have been left out."""
    digits = truth.replace(".", "")
    if "." in truth:
        return (digits, truth)
    return (digits, f"{digits[:-1]}.{digits[-1]}") if len(digits) > 2 else (digits,)


def writer_of(sheet: str) -> str:
    """Return whose hand a sheet is taken to be in: its station's, the name up to an underscore."""
    return sheet.partition("_")[0]


def _load(file: Path) -> Gray:
    try:
        return grayscale(decode_image(file.read_bytes(), ImageLimits()))
    except OSError as error:
        raise BadInput(str(file), "cannot be read", "complete the folder") from error
