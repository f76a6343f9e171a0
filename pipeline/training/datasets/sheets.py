"""What cells of written sheets say where nobody has transcribed them: their arithmetic proves it.

Another program's readings are right where they are easy. Joint reading (`pipeline.checks`) also
settles cells that no network reads with confidence, and those are what a network has to learn.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from pipeline.checks.cutouts import CutOut, check_sheets
from pipeline.decode import ImageLimits, decode_image
from pipeline.engines import load_engine
from pipeline.profiles import load_profile
from pipeline.recognize import recognize
from pipeline.training.datasets import writer_of

PROVED = ("verified", "repaired")
SURE = 0.9
PLAIN = set("0123456789.")

Named = tuple[str, str]


def proved(folder: Path, work: Path, held: Collection[str]) -> dict[Named, str]:
    """Return what cells (sheet, cell) of `folder/cells.csv` say, as far as sums and means prove it.

    The sheets are read once, by the default profile and with its checks; what they proved is kept
    in `work/proved.csv`. Sheets of writers `held` back are not read.
    """
    kept = work / "proved.csv"
    if not kept.exists():
        with (folder / "cells.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = [r for r in csv.DictReader(file) if writer_of(r["sheet"]) not in held]
        cutouts = [CutOut(str(folder / r["image"]), r["sheet"], r["cell"]) for r in rows]
        found = _read(cutouts)
        work.mkdir(parents=True, exist_ok=True)
        with kept.open("w", newline="") as file:
            csv.writer(file).writerows([("sheet", "cell", "text"), *found])
    with kept.open(newline="") as file:
        return {(row["sheet"], row["cell"]): row["text"] for row in csv.DictReader(file)}


def _read(cutouts: list[CutOut]) -> list[tuple[str, str, str]]:
    profile = load_profile("default")
    engine = load_engine(profile, "auto")
    images = (decode_image(Path(c.path).read_bytes(), ImageLimits()) for c in cutouts)
    cells = check_sheets(cutouts, list(recognize(images, profile, engine, "numeric")), profile)
    found = []
    for cutout, cell in zip(cutouts, cells, strict=True):
        text = cell.text.replace(",", ".")
        plain = set(text) <= PLAIN and any(c.isdigit() for c in text)
        if plain and cell.status in PROVED and cell.confidence > SURE:
            found.append((cutout.sheet, cutout.cell, text))
    return found
