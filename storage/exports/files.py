"""Names for files, and files that appear whole."""

from __future__ import annotations

import contextlib
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import Unavailable

_LONGEST_STEM = 200
"""Bytes; file systems take 255, suffixes included."""


class Names:
    """Stems for files, each given once, also where letters' case does not count."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def stem(self, name: str) -> str:
        """Return a stem for the page `name`: NAME, or NAME-2, NAME-3 where it is taken."""
        wanted = safe(name)
        stem = wanted
        while _key(stem) in self._taken:
            number = self._last[_key(wanted)] = self._last.get(_key(wanted), 1) + 1
            stem = f"{wanted}-{number}"
        self._taken.add(_key(stem))
        return stem


def safe(name: str) -> str:
    """Return `name` as the stem of a file that lies in no other folder and is not hidden."""
    kept = "".join(
        "_" if c in "/\\" or unicodedata.category(c).startswith("C") else c for c in name
    )
    if kept.startswith("."):
        kept = f"_{kept[1:]}"
    kept = kept.encode("utf-8", "replace")[:_LONGEST_STEM].decode("utf-8", "ignore")
    return kept or "page"


def write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all; its folder is made where missing.

    Raises `Unavailable` where that fails.
    """
    with appearing(path) as file:
        file.write(data)


def drop_from(first: int, path_of: Callable[[int], Path]) -> None:
    """Remove the numbered files of an earlier time, from the first on as far as they go."""
    for number in count(first):
        left = path_of(number)
        if not left.is_file():
            return
        with writing(left):
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written, that is there under its name once all of it is.

    Raises `Unavailable` where that fails.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                yield file
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into the line that a user reads."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"{path}: cannot be written ({error.strerror or error}); "
            "see that its folder is writable and not full"
        ) from error


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
