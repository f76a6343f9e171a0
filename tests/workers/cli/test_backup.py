"""`ledgermill backup` and `restore`, from one data folder to another that was never used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.workers.test_backup import QUERIES, fill
from workers.services import Endpoints

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lm-", dir="/tmp"))
    yield folder
    ledgermill(folder, "down")
    shutil.rmtree(folder, ignore_errors=True)


def ledgermill(home: Path, *arguments: object, **settings: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli.main", *map(str, arguments)],
        env=dict(os.environ) | {"LEDGERMILL_HOME": str(home)} | settings,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def found(home: Path, **settings: str) -> list[Any]:
    """Return what searches and SQL find, and the pages; nothing of it may be empty."""
    answers = [
        json.loads(ledgermill(home, "search", query, "--json", **settings)[1]) for query in QUERIES
    ]
    statement = "select * from pages join cells using (collection, page) order by 2, 9, 10, 11"
    answers.append(json.loads(ledgermill(home, "sql", statement, "--json", **settings)[1]))
    assert all(answers)
    return answers


@pytest.mark.timeout(300)
def test_the_drill(
    home: Path,
    services: Endpoints,
    connection: sqlalchemy.Connection,
    object_store: str,
    elsewhere: Path,
    tmp_path: Path,
) -> None:
    fill(connection, object_store)
    here = {"LEDGERMILL_OBJECT_STORE": object_store}
    status, out, err = ledgermill(home, "backup", tmp_path / "saved", **here)
    assert (status, err) == (0, "")
    assert out.startswith("6 pages, ")

    status, out, err = ledgermill(elsewhere, "restore", tmp_path / "saved", "--json")
    assert status == 0, err
    assert json.loads(out)["objects"] == 12
    assert found(elsewhere) == found(home, **here)

    status, out, err = ledgermill(elsewhere, "restore", tmp_path / "saved")
    assert (status, out) == (1, "")
    assert err.startswith("ledgermill: restore: this place holds pages or jobs already")


def test_what_is_wrong_is_one_line(tmp_path: Path, elsewhere: Path) -> None:
    for command in ("restore", "backup"):
        (tmp_path / "file").touch()
        status, out, err = ledgermill(elsewhere, command, tmp_path / "file" / "x")
        assert (status, out, err.count("\n")) == (1, "", 1), command
        assert str(tmp_path / "file") in err
    status, _, err = ledgermill(elsewhere, "restore", tmp_path / "nothing")
    assert (status, err.count("\n")) == (1, 1)
    assert "holds no backup" in err
