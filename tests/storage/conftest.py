"""A place in the database to save pages to."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy

from storage.runs import ensure_run
from tests.storage.pages import MakePage, add_page


@pytest.fixture
def make_page(connection: sqlalchemy.Connection) -> MakePage:
    return partial(add_page, connection)


@pytest.fixture
def run_id(connection: sqlalchemy.Connection) -> int:
    made = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    connection.commit()
    return made
