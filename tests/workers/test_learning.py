"""Corrections become what a network learns, and a profile only where that measured better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline.engines import weights_digest
from pipeline.errors import BadInput
from pipeline.page import from_json
from pipeline.profiles import Profile, load_profile
from pipeline.training import adapt as adapting
from pipeline.training.datasets import Labelled
from storage.corrections import CellPlace, correct
from storage.jobs import ensure_collection
from storage.learning import begin, find, latest
from storage.objects import open_store
from storage.runs import ensure_run
from storage.transcriptions import save
from workers.client import Office
from workers.learning import learn, slug, spellings
from workers.services import Endpoints
from workers.settings import settings
from workers.weights import placed

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
RAIN = 30


@pytest.fixture
def place(
    engine: sqlalchemy.Engine,
    connection: sqlalchemy.Connection,
    services: Endpoints,
    object_store: str,
) -> Office:
    return Office(replace(services, object_store=object_store), engine, settings())


@pytest.fixture
def page(connection: sqlalchemy.Connection, place: Office) -> int:
    """Return the sample ledger as if it had been read, nothing but its truth on it."""
    import json

    said = from_json(json.loads((SAMPLES / "daily-ledger.json").read_text("utf-8")))
    cells = tuple(replace(cell, status="plain") for cell in said.tables[0].cells)
    said = replace(said, tables=(replace(said.tables[0], cells=cells),))
    image = open_store(place.endpoints.object_store).put(
        (SAMPLES / "daily-ledger.jpg").read_bytes(), "image/jpeg"
    )
    collection = ensure_collection(connection, "ledgers")
    connection.execute(
        text("insert into mill.image values (:image, 'image/jpeg', 1, :width, :height)"),
        {"image": image, "width": said.width, "height": said.height},
    )
    made: int = connection.execute(
        text(
            "insert into mill.page (collection_id, image_sha256, name)"
            " values (:collection, :image, 'daily-ledger') returning id"
        ),
        {"collection": collection, "image": image},
    ).scalar_one()
    run = ensure_run(connection, "default", "ab" * 32, "0.1.0", {"tables": {"check": False}})
    save(connection, made, run, said)
    connection.commit()
    return made


def accept(connection: sqlalchemy.Connection, page: int, count: int) -> None:
    run = connection.execute(text("select current_run_id from mill.page")).scalar_one()
    cells = connection.execute(
        text(
            'select "table", "row", "column", text from mill.cell where value is not null'
            ' order by "row", "column" limit :count'
        ),
        {"count": count},
    ).all()
    for table, row, column, said in cells:
        correct(connection, page, run, CellPlace(table, row, column), said, "ada", None)
    connection.commit()


def test_what_is_no_better_changes_nothing(
    connection: sqlalchemy.Connection,
    place: Office,
    page: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        adapting, "SCHEDULE", replace(adapting.SCHEDULE, steps=1, validate_every=1, rate=1e-9)
    )
    accept(connection, page, RAIN)
    found = learn(place, "ledgers", load_profile("default"), tmp_path / "learnt", "ada")
    assert found.profile is None
    assert found.pages == 1
    assert found.adapted.weights is None
    assert 20 <= found.adapted.cells <= RAIN
    assert found.adapted.after == found.adapted.before
    assert not list((tmp_path / "learnt").glob("*.toml"))
    [kept] = latest(connection, "ledgers")
    assert (kept.better, kept.author, kept.profile) == (False, "ada", None)
    assert kept.cells == found.adapted.cells


def test_what_is_better_is_a_profile_to_read_with(
    connection: sqlalchemy.Connection,
    place: Office,
    page: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = replace(adapting.SCHEDULE, steps=1, validate_every=1)
    monkeypatch.setattr(adapting, "SCHEDULE", short)
    monkeypatch.setattr(adapting, "LUCK", 1.1)
    accept(connection, page, RAIN)
    found = learn(place, "ledgers", load_profile("default"), tmp_path / "learnt", "ada")
    assert found.profile is not None
    read = load_profile(str(found.profile))
    assert read.name == "ledgers"
    assert read.engine == load_profile("default").engine
    assert read.recognition.weights == str(found.adapted.weights)
    [kept] = latest(connection)
    assert kept.better
    assert kept.profile is not None
    # A worker that has nothing but the store reads by it.
    fetched = placed(Profile(**kept.profile), open_store(place.endpoints.object_store), tmp_path)
    assert weights_digest(fetched) == weights_digest(read)


def test_too_little_is_refused_with_what_to_do(
    connection: sqlalchemy.Connection, place: Office, page: int, tmp_path: Path
) -> None:
    accept(connection, page, 3)
    with pytest.raises(BadInput, match=r"only \d corrected numbers.*; correct or accept 20"):
        learn(place, "ledgers", load_profile("default"), tmp_path / "learnt", "ada")
    [kept] = latest(connection)
    assert kept.reason is not None
    assert "correct or accept 20" in kept.reason
    assert not kept.running
    with pytest.raises(BadInput, match="no such collection"):
        learn(place, "nowhere", load_profile("default"), tmp_path / "learnt", "ada")


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [
        ("28.1", ("28.1", "28,1", "28·1", "281")),
        ("28", ("28",)),
        ("1.000.5", ("1.000.5",)),
        ("—", ("—",)),
    ],
)
def test_a_typed_number_may_be_written_otherwise(typed: str, allowed: tuple[str, ...]) -> None:
    assert spellings(typed) == allowed


def test_a_collections_name_makes_a_file() -> None:
    assert slug("Fort William / 1898") == "Fort-William---1898"
    assert slug("../..") == "learnt"
    assert slug("日誌") == "learnt"


def test_a_collection_is_learnt_from_once_at_a_time(
    connection: sqlalchemy.Connection, page: int
) -> None:
    number = begin(connection, "ledgers", "ada")
    assert find(connection, number).running
    with pytest.raises(BadInput, match="is being learnt from already"):
        begin(connection, "ledgers", "ben")
    silent = text("update mill.learning set heartbeat_at = now() - interval '1 hour'")
    connection.execute(silent)
    assert not find(connection, number).running
    assert begin(connection, "ledgers", "ben") > number
    with pytest.raises(BadInput, match="there is none"):
        find(connection, 10**9)


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=40))
def test_no_page_is_in_two_parts(groups: list[str]) -> None:
    samples = [Labelled(np.zeros((2, 2), np.uint8), ("1",), group) for group in groups]
    parts = adapting.divided(samples)
    assert 2 <= len(parts) <= adapting.PARTS
    assert all(parts)
    assert sum(map(len, parts)) == len(samples)
    if len(set(groups)) > 1:
        named = [{each.group for each in part} for part in parts]
        assert sum(map(len, named)) == len(set(groups))
    else:
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
