"""From the corrections of a collection to a profile that reads its hands better, if it does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from pipeline.decode import decode_image
from pipeline.engines import load_engine
from pipeline.engines.native import choose_device
from pipeline.models.load import model_path
from pipeline.page import Polygon, as_polygon
from pipeline.profiles import Profile, load_profile
from pipeline.recognition.alphabets import NUMERIC
from pipeline.tables.values import POINTS
from pipeline.training.adapt import NAME, Adapted, adapt
from pipeline.training.datasets import Labelled, reduced
from pipeline.training.datasets.cells import TALLEST
from pipeline.training.datasets.recut import recut
from storage.corrections import CellPlace, corrections_of
from storage.learning import SILENT_SECONDS, beat, begin, end, fail
from storage.objects import open_store
from workers.client import Office
from workers.patience import reason
from workers.sources.model import Limits as SourceLimits
from workers.weights import stored

if TYPE_CHECKING:
    from pipeline.training.loop import Progress

MOST_PROVED = 400
"""So many cells that the arithmetic vouches for, the least sure first, are learnt beside."""

_PAGES = """
    select page.id, page.name, page.image_sha256, document.source
    from mill.page join mill.collection on collection.id = collection_id
    left join lateral (
        select source from mill.document_page
        join mill.document on document.id = document_id
        where page_id = page.id order by document.id limit 1
    ) as document on true
    where collection.name = :collection and exists (
        select from mill.correction where page_id = page.id and withdrawn_at is null
    )
    order by page.id
"""

_PROVED = """
    select cell.text, cell.polygon from mill.page
    join mill.transcription on page_id = page.id and run_id = current_run_id
    join mill.cell on transcription_id = transcription.id
    where page.id = :page and cell.status = 'verified' and cell.value is not null
        and not exists (
            select from mill.cell_as_read as was
            where was.transcription_id = cell.transcription_id and was."table" = cell."table"
                and was."row" = cell."row" and was."column" = cell."column"
        )
    order by cell.confidence limit :most
"""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it; `profile` is the file to read with from now on, `None` if it is no better.

    `proved` are the cells that were learnt because the table's arithmetic vouches for them.
    """

    collection: str
    pages: int
    proved: int
    adapted: Adapted
    profile: Path | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    polygon: Polygon
    text: str
    corrected: bool


def learn(
    place: Office,
    collection: str,
    profile: Profile,
    folder: Path,
    author: str,
    report: Callable[[Progress], None] | None = None,
) -> Learnt:
    """Have the network of numbers learn the corrected cells of a collection, in `folder`.

    The pages are laid out as `profile` says, and cut as they will be when they are read. That it
    goes on, and what came of it, is kept in the database. Raises `BadInput` where there is no such
    collection, it is learnt from already, or too little was corrected.
    """
    with place.database.begin() as connection:
        number = begin(connection, collection, author)
    try:
        with _beating(place, number):
            learnt = _learn(place, collection, profile, folder, report)
    except BaseException as error:
        with place.database.begin() as connection:
            fail(connection, number, reason(error) if isinstance(error, Exception) else "stopped")
        raise
    found = learnt.adapted
    counts = {
        "cells": found.cells,
        "proved": learnt.proved,
        "right_before": found.before,
        "right_after": found.after,
    }
    kept = None
    if learnt.profile is not None:
        store = open_store(place.endpoints.object_store)
        kept = stored(load_profile(str(learnt.profile)), store).model_dump(mode="json")
    with place.database.begin() as connection:
        end(connection, number, counts, kept)
    return learnt


@contextmanager
def _beating(place: Office, number: int) -> Iterator[None]:
    """Say every few seconds that it goes on."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(SILENT_SECONDS / 4):
            with contextlib.suppress(SQLAlchemyError), place.database.begin() as connection:
                beat(connection, number)

    thread = threading.Thread(target=run, name="learning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _learn(
    place: Office,
    collection: str,
    profile: Profile,
    folder: Path,
    report: Callable[[Progress], None] | None,
) -> Learnt:
    corrected: list[Labelled] = []
    proved: list[Labelled] = []
    pages = 0
    with place.database.connect() as connection:
        for cells in _cut_out(connection, place, collection, profile):
            pages += 1
            for wanted, sample in cells:
                (corrected if wanted.corrected else proved).append(sample)
    proved = proved[:MOST_PROVED]
    weights = Path(profile.recognition.weights or model_path(NAME))
    adapted = adapt(
        weights, corrected, proved, folder, choose_device(place.settings.device), report
    )
    written = None
    if adapted.weights is not None:
        written = _write_profile(profile, collection, adapted.weights, folder)
    return Learnt(collection, pages, len(proved), adapted, written)


def _cut_out(
    connection: Connection, place: Office, collection: str, profile: Profile
) -> Iterator[list[tuple[_Wanted, Labelled]]]:
    rows = connection.execute(text(_PAGES), {"collection": collection}).all()
    documents = {row.source for row in rows}
    store = open_store(place.endpoints.object_store)
    engine = load_engine(profile, place.settings.device, place.settings.threads)
    limits = SourceLimits.of(place.settings).image
    for row in rows:
        wanted = dict(enumerate(_wanted(connection, row.id)))
        if not any(each.corrected for each in wanted.values()):
            continue
        # Whole volumes stay on one side, as a volume mostly is of one hand; else whole pages.
        group = row.source if len(documents) > 1 else row.name
        image = decode_image(store.get(row.image_sha256), limits)
        crops = recut(image, profile, engine, {i: w.polygon for i, w in wanted.items()})
        yield [
            (each, Labelled(reduced(crop, TALLEST), spellings(each.text), group, "digits"))
            for i, crop in crops.items()
            for each in [wanted[i]]
        ]


def _wanted(connection: Connection, page_id: int) -> Iterator[_Wanted]:
    """Yield the numbers of a page that people or its arithmetic say, each with its polygon."""
    for each in corrections_of(connection, page_id):
        if each.in_effect and isinstance(each.place or each.made_at, CellPlace):
            yield from _number(each.polygon, each.text, corrected=True)
    for said, flat in connection.execute(text(_PROVED), {"page": page_id, "most": MOST_PROVED}):
        polygon = as_polygon(zip(flat[::2], flat[1::2], strict=True))
        yield from _number(polygon, said, corrected=False)


def _number(polygon: Polygon, said: str, *, corrected: bool) -> Iterator[_Wanted]:
    if said.strip() and set(said) <= set(NUMERIC):
        yield _Wanted(polygon, said, corrected)


def spellings(said: str) -> tuple[str, ...]:
    """Return how a number may be written that somebody typed: few type the page's own marks."""
    plain = " ".join(said.split())
    pointed = plain.translate(POINTS)
    if pointed.count(".") != 1:
        return (plain,)
    marked = (pointed.replace(".", mark) for mark in (".", ",", "·", ""))
    return tuple(dict.fromkeys([plain, *marked]))


def slug(collection: str) -> str:
    """Return a collection's name fit for a file and a profile: letters, digits, `.`, `_`, `-`."""
    kept = (c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in collection[:48])
    return "".join(kept).strip("-._") or "learnt"


def _write_profile(profile: Profile, collection: str, weights: Path, folder: Path) -> Path:
    """Write the profile that reads with the new weights, beside their folder."""
    recognition = {
        **profile.recognition.model_dump(mode="json", exclude_none=True),
        "weights": str(weights.relative_to(folder)),
    }
    said = profile.model_dump(mode="json", exclude_none=True)
    said |= {"name": slug(collection), "recognition": recognition}
    document = tomlkit.document()
    document.add(tomlkit.comment(f"Learnt from the corrections of {collection!r}."))
    document.update(said)
    file = folder / f"{slug(collection)}.toml"
    file.write_text(tomlkit.dumps(document), "utf-8")
    return file
