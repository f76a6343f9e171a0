"""The cells of whole table pages with a truth grid, cut out as they will be when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.decode import ImageLimits, decode_image
from pipeline.digitize import assemble, check, crops_of
from pipeline.engines import Engine
from pipeline.evaluation.tables import Placement, TableTruth, key, place
from pipeline.evaluation.truth import read_grid
from pipeline.page import Transcription
from pipeline.preprocess import prepare
from pipeline.profiles import Profile
from pipeline.tables.layout import Layout, lay_out
from pipeline.training.datasets import Labelled

AGREEING = 0.9
"""A page is used only if this part of its values is read as its truth says: then they lie right."""


def read_tables(
    images: Path, truths: Path, profile: Profile, engine: Engine, mark: str
) -> Iterator[Labelled]:
    """Yield the cells of pages `images/NAME.jpg` whose grid is `truths/NAME.csv`.

    `engine` finds the tables and says where on the truth they lie; the texts are the truth's, their
    decimal mark written as `mark`. The last column, a mean that the printer may have computed
    otherwise, is used where the reading agrees. The group is the name up to its first hyphen.
    """
    for file in sorted(truths.glob("*.csv")):
        image = decode_image((images / f"{file.stem}.jpg").read_bytes(), ImageLimits())
        prepared = prepare(image, profile.preprocessing)
        layout = lay_out(prepared, engine.detect(prepared.gray), profile)
        readings = engine.recognize(crops_of(layout), profile.recognition.charset)
        page = check(assemble(layout, readings, profile, engine), layout.form, profile)
        yield from _cells(layout, page, read_grid(file), file.stem.partition("-")[0], mark)


def _cells(
    layout: Layout, page: Transcription, truth: TableTruth, group: str, mark: str
) -> Iterator[Labelled]:
    for index, table in enumerate(page.tables):
        grid = table.grid()
        placement = place(truth, grid)
        if placement is None:
            continue
        lost = table.columns - (len(layout.grids[index].xs) - 1)
        pairs = dict(_pairs(truth, grid, placement))
        agree = [key(a, "number") == key(b, "number") for a, b in pairs.values()]
        if sum(agree) < AGREEING * max(1, len(agree)):
            continue
        last = max(column for _, column in pairs)
        for (number, row, column, _), crop in layout.cells.items():
            expected, found = pairs.get((row, column + lost), ("", ""))
            if number != index or not expected:
                continue
            if column + lost < last or key(expected, "number") == key(found, "number"):
                yield Labelled(crop, (expected.replace(".", mark),), group, "number")


def _pairs(
    truth: TableTruth, grid: list[list[str]], placement: Placement
) -> Iterator[tuple[tuple[int, int], tuple[str, str]]]:
    """Yield the place in `grid`, the truth and the reading of every value of the truth."""
    for i, texts in enumerate(truth.grid[truth.header_rows :], truth.header_rows):
        for j, text in enumerate(texts[truth.label_columns :], truth.label_columns):
            row, column = i + placement.rows, j + placement.columns
            if text and 0 <= row < len(grid) and 0 <= column < len(grid[row]):
                yield (row, column), (text, grid[row][column])
