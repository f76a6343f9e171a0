"""What an export has written already, so that one that was interrupted, or is asked for again, goes
on where it stands.

A small database beside the files, `.ledgermill-export`: for each page and format the digest of what
was written there and the digests of its files. A file counts as written while it is as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pipeline.page import to_json
from pipeline.version import CODE_VERSION
from storage.exports.files import writing
from storage.exports.pages import PublishedPage

NAME = ".ledgermill-export"

_TABLE = (
    "create table if not exists written (stem text, format text, digest text, files text,"
    " primary key (stem, format)) without rowid"
)


class Ledger:
    """The ledger of a folder, made anew where damaged. Raises `Unavailable` where none can be."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = out / NAME

    def __enter__(self) -> Self:
        with writing(self._path):
            self._out.mkdir(parents=True, exist_ok=True)
            try:
                self._open()
            except sqlite3.DatabaseError:
                self._database.close()
                self._path.unlink(missing_ok=True)
                self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, isolation_level=None)
        # What a power cut takes from it is written again; nothing else is lost with it.
        self._database.execute("pragma synchronous = off")
        self._database.execute(_TABLE)

    def find(self, stem: str, form: str, digest: str) -> list[Path] | None:
        """Return the files of a page in a format; `None` where one is not there as written."""
        found = self._files(stem, form)
        if found is None or found[0] != digest:
            return None
        paths = [self._out / name for name in found[1]]
        same = zip(paths, found[1].values(), strict=True)
        return paths if all(_digest_of_file(path) == said for path, said in same) else None

    def add(self, stem: str, form: str, digest: str, paths: Iterable[Path]) -> None:
        """Say what was written; files of an earlier time that are no longer among them go."""
        files = {path.relative_to(self._out).as_posix(): _digest_of_file(path) for path in paths}
        earlier = self._files(stem, form)
        for name in earlier[1].keys() - files.keys() if earlier else ():
            with writing(self._out / name):
                (self._out / name).unlink(missing_ok=True)
        self._database.execute(
            "insert or replace into written values (?, ?, ?, ?)",
            (stem, form, digest, json.dumps(files)),
        )

    def _files(self, stem: str, form: str) -> tuple[str, dict[str, str]] | None:
        row = self._database.execute(
            "select digest, files from written where stem = ? and format = ?", (stem, form)
        ).fetchone()
        if row is None:
            return None
        files: dict[str, str] = json.loads(row[1])
        inside = all(_is_inside(name) for name in files)
        return (row[0], files) if inside else None


def digest_of(page: PublishedPage) -> str:
    """Return the digest of all that files of a page are made of."""
    said = to_json(page.transcription, page.name, page.run)
    about = [CODE_VERSION, page.created.isoformat(), page.collection, page.image, page.media_type]
    text = json.dumps([about, said], separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of_file(path: Path) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _is_inside(name: str) -> bool:
    """Return whether a name that the ledger holds is one of a file below its folder."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)
