"""`serve`, `user` and `token`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
import sqlalchemy
from sqlalchemy import text

from workers.cli.main import run


def test_users_and_tokens(
    connection: sqlalchemy.Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(["user", "add", "anna", "--role", "corrector"]) == 0
    assert run(["user", "add", "anna"]) == 1
    assert "taken" in capsys.readouterr().err
    assert run(["user", "add", "ben", "--role", "king"]) == 2
    assert run(["user", "list", "--json"]) == 0
    (user,) = json.loads(capsys.readouterr().out)
    assert (user["name"], user["role"], user["has_password"]) == ("anna", "corrector", False)
    assert run(["user", "link", "anna"]) == 0
    assert capsys.readouterr().out.startswith("/sign-in/")
    assert run(["token", "create", "anna", "--name", "script", "--days", "2"]) == 0
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("lm_")
    assert run(["token", "list"]) == 0
    shown = capsys.readouterr().out
    assert "script" in shown
    assert secret not in shown
    assert run(["token", "revoke", "1"]) == 0
    assert run(["token", "revoke", "1"]) == 1
    assert run(["user", "remove", "anna"]) == 0
    actions = connection.execute(text("select action, via from mill.audit order by id")).all()
    assert [action for action, _ in actions] == [
        "user.add",
        "user.link",
        "token.create",
        "token.revoke",
        "user.remove",
    ]
    assert {via for _, via in actions} == {"command line"}
    kept = connection.execute(text("select hash from mill.token")).scalars().all()
    assert all(secret not in each and each.startswith("$argon2") for each in kept)


def test_serve_prints_a_link_that_signs_in_and_its_processes_count_together(
    connection: sqlalchemy.Connection, home: Path
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "workers.cli.main", "serve", "--port", "0", "--processes", "2"],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "LEDGERMILL_HOME": str(home),
            "LEDGERMILL_REQUESTS_PER_MINUTE": "12",
        },
    )
    try:
        assert server.stdout is not None
        link = server.stdout.readline().split()[-1]
        with httpx.Client(timeout=60) as browser:
            assert browser.get(link).status_code == 303
            address = link.partition("/sign-in/")[0] + "/api/v1/me"
            assert browser.get(address).json()["role"] == "admin"
            cookies = dict(browser.cookies)
        answering = [
            child
            for child in psutil.Process(server.pid).children()
            if any("spawn_main" in part for part in child.cmdline())
        ]
        assert len(answering) == 2

        def ask(_: int) -> int:  # over a connection of its own: either process may get it
            return httpx.get(address, cookies=cookies, timeout=60).status_code

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(16)))
        assert (answers.count(200), answers.count(429)) == (11, 5)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
