"""A data folder of its own for each test of the embedded services."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.services import place, postgres, valkey
from workers.services.place import Place
from workers.settings import settings


@pytest.fixture
def short() -> Iterator[Path]:
    """Return an empty folder with a path short enough for sockets, which `tmp_path` is not."""
    folder = Path(tempfile.mkdtemp(prefix="lm-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def where(short: Path) -> Iterator[Place]:
    """Return a prepared data folder; what was started there is stopped afterwards."""
    found = place.place(short / "home")
    place.prepare(found)
    yield found
    valkey.stop(found)
    postgres.stop(found)


@pytest.fixture
def own_home(where: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Make `where` the LEDGERMILL_HOME of this process."""
    monkeypatch.setenv("LEDGERMILL_HOME", str(where.home))
    settings.cache_clear()
    yield where
    settings.cache_clear()
