from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from workers.services import account as accounts
from workers.services.account import Account

SOMEBODY = Account(64_001, 64_001)
ANYBODY = Account(64_002, 64_002)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


def test_an_ordinary_user_stays_who_they_are(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert accounts.account(short).spawn() == {}


@needs_root
def test_root_runs_the_server_as_somebody_else(short: Path) -> None:
    found = accounts.account(short / "data")
    assert found.uid not in (None, 0)
    assert accounts.run_as(found, ["/bin/sh", "-c", f"test $(id -u) = {found.uid}"]) == 0


@needs_root
def test_root_keeps_to_the_owner_of_data_that_is_there(short: Path) -> None:
    os.chown(short, 64_003, 64_004)
    assert accounts.account(short) == Account(64_003, 64_004)


@needs_root
def test_without_useradd_it_is_nobody(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "NAME", "ledgermill-not-there")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    found = accounts.account(short / "data")
    assert accounts.run_as(found, ["/bin/sh", "-c", 'test "$(id -un)" = nobody']) == 0


@needs_root
def test_only_the_account_is_let_through(short: Path) -> None:
    closed = short / "closed"
    inner = closed / "inner folder"
    inner.mkdir(parents=True, mode=0o700)
    closed.chmod(0o700)
    (closed / "secret").write_text("")
    assert accounts.run_as(SOMEBODY, ["/bin/ls", str(inner)]) != 0
    accounts.let_through(inner, SOMEBODY)
    assert accounts.run_as(SOMEBODY, ["/bin/sh", "-c", f"cd '{inner}'"]) == 0
    assert accounts.run_as(SOMEBODY, ["/bin/ls", str(closed)]) != 0  # through, not in
    assert accounts.run_as(ANYBODY, ["/bin/sh", "-c", f"cd '{inner}'"]) != 0
    assert short.stat().st_mode & 0o007 == 0


@needs_root
def test_a_second_account_leaves_the_first_its_way(short: Path) -> None:
    accounts.let_through(short, SOMEBODY)
    accounts.let_through(short, ANYBODY)
    for who in (SOMEBODY, ANYBODY):
        assert accounts.run_as(who, ["/bin/sh", "-c", f"cd {short}"]) == 0


@needs_root
def test_without_access_control_lists_passing_is_for_all(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    accounts.let_through(short, SOMEBODY)
    assert short.stat().st_mode & 0o777 == 0o701
