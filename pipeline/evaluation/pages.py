"""One page's reading, as `digitize` writes it, against everything known of the page."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import BadInput
from pipeline.evaluation.lines import PlacedText, pair_by_place, placed_texts
from pipeline.evaluation.similarity.grits import aligned, grits_con
from pipeline.evaluation.similarity.score import SimilarityScore, score_similarity
from pipeline.evaluation.similarity.spans import spans_of_grid
from pipeline.evaluation.tables import Grid, TableScore, TableTruth, score_table
from pipeline.evaluation.text import TextScore, score_texts
from pipeline.evaluation.trust import STATUSES, TrustScore, score_trust
from pipeline.evaluation.truth import PageTruth
from pipeline.page import Table, Transcription, from_json


@dataclass(frozen=True, slots=True)
class PageReading:
    """What was read on a page: its texts (`None`: not exported), its tables in their order.

    `tables` are those of the page object with all that it says of them, `None` without one.
    """

    texts: tuple[PlacedText, ...] | None
    grids: tuple[Grid, ...]
    tables: tuple[Table, ...] | None = None


@dataclass(frozen=True, slots=True)
class PageScore:
    """How right a page is; `read` is false for a page lost.

    `text` and the others are `None` where the truth has none, `trust` also where the reading says
    nothing of it.
    """

    name: str
    read: bool
    text: TextScore | None
    table: TableScore | None
    similarity: SimilarityScore | None = None
    trust: TrustScore | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the score as a plain object, with the values that are wrong."""
        return {
            "page": self.name,
            "read": self.read,
            "text": self.text.to_json() if self.text else None,
            "tables": self.table.to_json() if self.table else None,
            "similarity": self.similarity.to_json() if self.similarity else None,
            "trust": self.trust.to_json() if self.trust else None,
            "placed_by": [p and p.by for p in self.table.placements] if self.table else [],
            "wrong": [asdict(wrong) for wrong in (self.table.wrong if self.table else ())],
            "verified_wrong": [asdict(w) for w in (self.trust.misleading if self.trust else ())],
        }


def reading_of(transcription: Transcription) -> PageReading:
    """Return what is scored of a transcription."""
    return PageReading(
        tuple(placed_texts(transcription)),
        tuple(table.grid() for table in transcription.tables),
        transcription.tables,
    )


def read_results(folder: Path) -> dict[str, PageReading]:
    """Return the readings in a folder that `digitize` wrote, by page name.

    The texts and how far values can be trusted come from `NAME.json`, the tables from
    `NAME.table-1.csv`, ..., where those exist; either alone will do. Raises `BadInput` for a folder
    without any, and for a damaged file.
    """
    names = {file.stem for file in folder.glob("*.json")}
    names |= {file.name.removesuffix(".table-1.csv") for file in folder.glob("*.table-1.csv")}
    if not names:
        remedy = "give the folder that `ledgermill digitize --out` wrote"
        raise BadInput(str(folder), "no results found", remedy)
    return {name: _read_result(folder, name) for name in sorted(names)}


def _read_result(folder: Path, name: str) -> PageReading:
    file = folder / f"{name}.json"
    try:
        reading = PageReading(None, ())
        if file.exists():
            reading = _known(reading_of(from_json(json.loads(file.read_text("utf-8")))))
        grids: list[Grid] = []
        while (table := folder / f"{name}.table-{len(grids) + 1}.csv").exists():
            file = table
            with table.open(encoding="utf-8-sig", newline="") as rows:
                grids.append(list(csv.reader(rows)))
    except (ValueError, KeyError, TypeError, OSError, csv.Error) as error:
        reason = f"not what digitize writes ({error})"
        raise BadInput(str(file), reason, "digitize the page again") from error
    return replace(reading, grids=tuple(grids) or reading.grids)


def _known(reading: PageReading) -> PageReading:
    """Return a reading whose cells have known statuses; raises `ValueError` where one has not."""
    for cell in (cell for table in reading.tables or () for cell in table.cells):
        if cell.status not in STATUSES:
            raise ValueError(f"no status {cell.status!r}")
    return reading


def score_page(truth: PageTruth, reading: PageReading | None) -> PageScore:
    """Score a page; `None` is a page with no result, whose every value counts as lost.

    The truth's first table is compared with the reading's first, and so on; where the reading has
    more tables or fewer, with those, in order, that have most in common with it.
    """
    found = reading or PageReading((), (), ())
    text = None
    if truth.texts and found.texts is not None:
        text = score_texts(pair_by_place(truth.texts, found.texts))
    if not truth.tables:
        return PageScore(truth.name, reading is not None, text, None)
    values, similarity, trust = TableScore(), SimilarityScore(), TrustScore()
    tables = found.tables or ()
    for expected, i in zip(truth.tables, _counterparts(truth.tables, found.grids), strict=True):
        grid = None if i is None else found.grids[i]
        table = None if i is None or i >= len(tables) else tables[i]
        values += score_table(expected, grid)
        similarity += score_similarity(expected, grid, table)
        trust += score_trust(expected, table)
    told = found.tables is not None
    return PageScore(
        truth.name, reading is not None, text, values, similarity, trust if told else None
    )


def _counterparts(truth: Sequence[TableTruth], read: Sequence[Grid]) -> list[int | None]:
    """Return the place of the reading's table that each of the truth is compared with."""
    if len(truth) == len(read):
        return list(range(len(read)))
    grids = [spans_of_grid(grid) for grid in read]
    alike = np.array(
        [[grits_con(spans_of_grid(table.grid), grid).shared for grid in grids] for table in truth]
    )
    pairs = dict(aligned(alike.reshape(len(truth), len(read))))
    return [pairs.get(i) for i in range(len(truth))]


def score_pages(
    truth: Mapping[str, PageTruth], readings: Mapping[str, PageReading]
) -> list[PageScore]:
    """Score every page of `truth`; readings of other pages are not looked at."""
    return [score_page(page, readings.get(name)) for name, page in truth.items()]


def total(scores: list[PageScore]) -> PageScore:
    """Return the sum over pages, a micro average: every character and value weighs the same."""
    texts = [score.text for score in scores if score.text]
    tables = [score.table for score in scores if score.table]
    similarities = [score.similarity for score in scores if score.similarity]
    trusts = [score.trust for score in scores if score.trust]
    told = any(score.read for score in scores if score.trust)
    return PageScore(
        name="total",
        read=all(score.read for score in scores),
        text=sum(texts, TextScore()) if texts else None,
        table=sum(tables, TableScore()) if tables else None,
        similarity=sum(similarities, SimilarityScore()) if similarities else None,
        trust=sum(trusts, TrustScore()) if told else None,
    )
