"""What readers are given and what they yield."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import BadInput
from workers.sources.kinds import HEAD
from workers.sources.model import PageImage, RefusedSource

Position = tuple[int, ...]
"""Where in a source: the number of a page, or of an entry and of a page in it."""


@dataclass(frozen=True, slots=True)
class At:
    """The step that comes next; `name` is the part of the source that it concerns."""

    position: Position
    name: str


Step = At | PageImage | RefusedSource


@dataclass(frozen=True, slots=True)
class Blob:
    """A seekable file of `size` bytes: the source itself, or an unpacked entry in memory."""

    file: BinaryIO
    size: int

    @classmethod
    def of(cls, data: bytes) -> Blob:
        return cls(io.BytesIO(data), len(data))

    def head(self) -> bytes:
        """Return the first bytes, enough to tell what it is."""
        self.file.seek(0)
        return self.file.read(HEAD)

    def tail(self, count: int) -> bytes:
        self.file.seek(max(0, self.size - count))
        return self.file.read(count)

    def data(self) -> bytes:
        self.file.seek(0)
        return self.file.read()

    def with_path(self) -> Blob:
        """Return the same bytes in a file of their own (in memory), where the system can do so."""
        if not isinstance(self.file, io.BytesIO) or not hasattr(os, "memfd_create"):
            return self
        file = os.fdopen(os.memfd_create("source"), "w+b")
        file.write(self.file.getbuffer())
        file.flush()
        return Blob(file, self.size)

    def path(self) -> str | None:
        """Return a path by which other processes of this user can open it, if it has one."""
        if isinstance(self.file, io.BytesIO):
            return None
        path = f"/proc/{os.getpid()}/fd/{self.file.fileno()}"
        return path if Path(path).exists() else None


def steps(count: int, after: Position) -> Iterator[tuple[int, Position]]:
    """Yield the numbers below `count` that come after a position, each with what is left of it."""
    first = after[0] if after else -1
    if after and len(after) > 1:
        yield first, after[1:]
    for number in range(first + 1, count):
        yield number, ()


def refusal(error: Exception, name: str) -> RefusedSource:
    """Return what an error in one part of a source says of that part; the others go on.

    Raises a `MemoryError` again: after one, nothing of the process can be relied on.
    """
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, BadInput):
        return RefusedSource(name, error.reason, error.remedy)
    reason = f"it is damaged ({type(error).__name__})"  # a decoder may raise anything
    return RefusedSource(name, reason, "save it anew")
