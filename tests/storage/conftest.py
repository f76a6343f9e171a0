"""A place in the database to save pages to."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy
from sqlalchemy import text

from storage.runs import ensure_run
from tests.storage.pages import MakePage


@pytest.fixture
def make_page(connection: sqlalchemy.Connection) -> MakePage:
    def make(name: str, collection: str = "ledgers", language: str = "english") -> int:
        sha256 = hashlib.sha256(f"{collection}/{name}".encode()).hexdigest()
        connection.execute(
            text("insert into mill.image values (:sha256, 'image/png', 1, 1000, 800)"),
            {"sha256": sha256},
        )
        page = connection.scalar(
            text(
                "with made as ("
                " insert into mill.collection (name, language)"
                " values (:collection, cast(:language as regconfig))"
                " on conflict (name) do update set name = excluded.name returning id)"
                " insert into mill.page (collection_id, image_sha256, name)"
                " select id, :sha256, :name from made returning id"
            ),
            {"collection": collection, "language": language, "sha256": sha256, "name": name},
        )
        connection.commit()
        assert isinstance(page, int)
        return page

    return make


@pytest.fixture
def run_id(connection: sqlalchemy.Connection) -> int:
    made = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    connection.commit()
    return made
