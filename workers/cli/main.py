"""`ledgermill`: the commands of every module of this folder under one name.

A module here holds `app = typer.Typer()` and its commands (`@app.command()`), and imports whatever
is slow (torch, cv2, SQLAlchemy, Celery) inside them, so that `ledgermill --help` stays quick.

Exit status: 0 if all of it worked, 1 if something failed or only a part worked, 2 for a wrong
command line, 130 where it was interrupted. Whatever happens, a user reads one line: never a
traceback, which goes to a file below `LEDGERMILL_HOME/log`.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import sys
import tempfile
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import LedgermillError
from workers.cli.output import complain

MODULES = (
    "jobs",
    "reading",
    "search",
    "reprocess",
    "runs",
    "export",
    "evaluate",
    "form",
    "train",
    "learn",
    "services",
    "web",
    "consensus",
    "backup",
    "prune",
)
"""In the order in which `--help` lists their commands."""

INTERRUPTED = 130


def build() -> typer.Typer:
    """Return the application with the commands of every module."""
    app = typer.Typer(
        name="ledgermill",
        help="Scanned archive pages in, rows that can be searched with SQL out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in MODULES:
        if find_spec(f"workers.cli.{name}") is not None:
            part: typer.Typer = import_module(f"workers.cli.{name}").app
            app.registered_commands += part.registered_commands
            app.registered_groups += part.registered_groups
    return app


def main() -> None:
    """Run the command line and end the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # Names that are not UTF-8 are shown escaped instead of ending the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; every failure has become one line on stderr."""
    try:
        status = build()(arguments, prog_name="ledgermill", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read stdout has left. What is still in its buffer must not be tried again at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except LedgermillError as error:
        complain(str(error))
        return 1
    except Exception as error:
        return _explain(error)
    if status == INTERRUPTED:
        complain("interrupted")
    return status if isinstance(status, int) else 0


def _explain(error: Exception) -> int:
    if _is_a(error, "typer.Abort"):
        complain("interrupted")
        return INTERRUPTED
    if _is_a(error, "typer.ClickException", "click.ClickException"):
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{error.format_message()}\n")  # type: ignore[attr-defined]
            return 2
        complain(f"{error.format_message()} (see --help)")  # type: ignore[attr-defined]
        return int(error.exit_code)  # type: ignore[attr-defined]
    if _is_a(error, "psycopg.OperationalError", "sqlalchemy.OperationalError"):
        complain(f"database: {_cause(error)}; is it running? see: ledgermill status")
        return 1
    if _is_a(error, "kombu.OperationalError", "redis.ConnectionError"):
        complain(f"broker: {_cause(error)}; is it running? see: ledgermill status")
        return 1
    if isinstance(error, OSError) and error.filename is not None:
        complain(f"{error.filename!s}: {error.strerror}")
        return 1
    log = _write_log(error)
    complain(
        f"{type(error).__name__}: {_cause(error)}; this is a mistake in ledgermill: please report "
        f"it with {log}"
    )
    return 1


def _is_a(error: Exception, *names: str) -> bool:
    """Compare by name, package and class, so that no package is imported just to ask."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).mro()}
    return not kinds.isdisjoint(names)


def _cause(error: Exception) -> str:
    from workers.settings import without_password

    original = getattr(error, "orig", None) or error
    first = (str(original).strip() or type(original).__name__).splitlines()[0]
    return without_password(first.rstrip(".;"))


def _write_log(error: Exception) -> str:
    now = datetime.datetime.now(datetime.UTC)
    text = f"{now.isoformat()} ledgermill {_version()} {sys.argv[1:2]}\n" + "".join(
        traceback.format_exception(error)
    )
    name = f"error-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    from workers.settings import hide_passwords, settings

    text = hide_passwords(text)
    try:
        folder = settings().home / "log"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        path.write_text(text, "utf-8", "backslashreplace")
    except (OSError, LedgermillError):
        path = Path(tempfile.mkdtemp(prefix="ledgermill-")) / name
        path.write_text(text, "utf-8", "backslashreplace")
    return str(path)


def _version() -> str:
    return importlib.metadata.version("ledgermill")


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ledgermill {_version()}\n")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
