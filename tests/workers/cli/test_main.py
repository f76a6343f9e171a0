from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
import typer

from pipeline.errors import BadInput
from workers.cli import main
from workers.cli.output import one_line

ROOT = Path(__file__).parents[3]
LEDGERMILL = [sys.executable, "-m", "workers.cli.main"]


def _raise(monkeypatch: pytest.MonkeyPatch, error: BaseException | Callable[[], None]) -> None:
    """Make `ledgermill fail` do what `error` says."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        if isinstance(error, BaseException):
            raise error
        error()

    app.command()(lambda: None)
    monkeypatch.setattr(main, "build", lambda: app)


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main.run(list(arguments))
    shown = capsys.readouterr().err
    assert shown.count("\n") <= 1, "a failure is one line"
    assert "Traceback" not in shown
    return status, shown


def test_a_known_error_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, BadInput("a\nb\x1b[2J.png", "is empty", "scan it again"))
    assert _run(capsys, "fail") == (
        1,
        "ledgermill: a b\\x1b[2J.png: is empty; scan it again\n",
    )


def test_the_database_gone_is_one_line_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = psycopg.OperationalError("no postgresql://joe:hunter2@h/d here\nand more of it")
    for error in (cause, sqlalchemy.exc.OperationalError("select 1", {}, cause)):
        _raise(monkeypatch, error)
        status, shown = _run(capsys, "fail")
        assert status == 1
        assert "database: no postgresql://joe:***@h/d here" in shown
        assert "ledgermill status" in shown


def test_a_mistake_of_ours_is_one_line_and_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    _raise(monkeypatch, ZeroDivisionError("division by zero"))
    status, shown = _run(capsys, "fail")
    assert status == 1
    log = Path(shown.split()[-1])
    assert log.parent == home / "log"
    assert "Traceback" in log.read_text()


def test_interrupted_is_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, KeyboardInterrupt())
    assert _run(capsys, "fail") == (130, "ledgermill: interrupted\n")


def test_a_chosen_status_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, typer.Exit(1))
    assert _run(capsys, "fail") == (1, "")
    _raise(monkeypatch, typer.Exit(0))
    assert _run(capsys, "fail") == (0, "")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["status", "--no-such-option"]])
def test_a_wrong_command_line_is_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    status, shown = _run(capsys, *arguments)
    assert status == 2
    assert "--help" in shown


def test_help_is_quick_and_imports_nothing_slow() -> None:
    slow = ("torch", "cv2", "onnxruntime", "sqlalchemy", "celery", "numpy", "psycopg")
    script = (
        "import sys; from workers.cli import main; main.run(['--help']);"
        f"sys.exit(', '.join(n for n in {slow} if n in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"imported for --help: {done.stderr}"
    times = []
    for _ in range(3):
        begin = sum(os.times()[2:4])  # processor time of children: a busy machine changes it little
        subprocess.run([*LEDGERMILL, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        times.append(sum(os.times()[2:4]) - begin)
    assert min(times) < 0.5


def test_every_module_is_assembled() -> None:
    names = {
        command.name or command.callback.__name__
        for command in main.build().registered_commands
        if command.callback
    }
    assert {"up", "down", "status", "doctor"} <= names
    assert len(names) == len(main.build().registered_commands)


def test_no_arguments_show_the_help() -> None:
    done = subprocess.run(LEDGERMILL, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage: ledgermill" in done.stderr


def test_a_reader_that_leaves_is_no_failure_to_explain() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as output:
        done = subprocess.run(
            [*LEDGERMILL, "status", "--json"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_wrong_setting_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.settings import settings

    monkeypatch.setenv("LEDGERMILL_THREADS", "many")
    settings.cache_clear()
    try:
        status, shown = _run(capsys, "status")
    finally:
        settings.cache_clear()
    assert status == 1
    assert shown.startswith("ledgermill: LEDGERMILL_THREADS: ")


def test_status_before_and_after(capsys: pytest.CaptureFixture[str], services: object) -> None:
    assert main.run(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {s["name"]: s["running"] for s in found["services"]} == {
        "database": True,
        "broker": True,
        "objects": True,
    }
    assert isinstance(found["jobs"], list)
    assert main.run(["status"]) == 0
    assert "running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("two\nlines", "two lines"),
        ("bell\x07 and\x1b[31m red", "bell\\x07 and\\x1b[31m red"),
        ("Bücher, 頁", "Bücher, 頁"),
        ("not utf-8: \udcff", "not utf-8: \\udcff"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
    ],
)
def test_one_line(given: str, shown: str) -> None:
    assert one_line(given) == shown
