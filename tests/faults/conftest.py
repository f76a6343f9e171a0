"""One machine for all tests of faults, with services of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from storage.database import connect
from tests.faults.machine import Machine, make_machine


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="lf-", dir="/tmp"))
    made = make_machine(home)
    try:
        made.ask("services.ensure()")
        yield made
    finally:
        made.ask("services.down()")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database(machine: Machine) -> Iterator[sqlalchemy.Engine]:
    machine.ask("services.ensure()")
    made = connect(machine.database_url)
    yield made
    made.dispose()
