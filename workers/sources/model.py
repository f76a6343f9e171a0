"""What finding and opening sources gives: files, pages, and what was refused with its reason."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.decode import ImageLimits
from pipeline.errors import BadInput
from workers.sources.entry import Entry

if TYPE_CHECKING:
    from workers.settings import Settings  # not at run time: the child has no use for pydantic


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything a source may hold; see the settings of the same names."""

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 200_000_000
    max_pages: int = 5_000
    max_open_seconds: float = 120
    max_open_memory: int = 4 * 1024**3

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that the settings name."""
        return cls(**{name: getattr(settings, name) for name in cls.__slots__})

    @property
    def image(self) -> ImageLimits:
        """The limits of one page image."""
        return ImageLimits(self.max_pixels)


@dataclass(frozen=True, slots=True)
class FoundSource:
    """A regular file to be read; `name` is how the user wrote it, `path` where it really is.

    `entry` is what the list says of it that named it, if one did; `transcription` is the PAGE or
    ALTO file that belongs to it.
    """

    name: str
    path: Path
    entry: Entry | None = None
    transcription: FoundSource | None = None

    def read(self, limits: Limits) -> bytes:
        """Return the file's bytes. Raises `BadInput` where it is no regular file any more, cannot
        be read, is empty or larger than the limit."""
        data = read_regular(self.path, self.name, limits.max_bytes + 1)
        if len(data) > limits.max_bytes:
            raise too_many_bytes(self.name, limits)
        if not data:
            raise BadInput(self.name, "the file is empty", "copy or scan it again")
        return data


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """Something on another machine, which a worker fetches; `name` is the address as it is shown,
    `details` are those of `workers.bring.Details`."""

    name: str
    address: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """A file, or a part of one, that will not be read; `name` of a part is `a.zip!/b.jpg`."""

    name: str
    reason: str
    remedy: str

    @classmethod
    def of(cls, error: BadInput) -> RefusedSource:
        """Return what an error says about its file."""
        return cls(error.what, error.reason, error.remedy)


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file of a folder that is not meant to be a page: hidden, or text beside the scans."""

    name: str


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page image: the bytes to be stored, and its size in pixels once upright."""

    name: str
    data: bytes
    media_type: str
    width: int
    height: int


def read_regular(path: Path, name: str, count: int) -> bytes:
    """Return the first `count` bytes of a regular file.

    Neither a link put in its place since it was found nor a pipe that never answers gets in the
    way. Raises `BadInput` in the file's `name`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadInput(name, "it is not a file any more", "look what became of it")
            return file.read(count)
    except OSError as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError) -> BadInput:
    """Return the error for a file that the system would not open or read."""
    if isinstance(error, PermissionError):
        return BadInput(name, "its permissions do not let it be read", "run: chmod +r on it")
    if isinstance(error, FileNotFoundError):
        return BadInput(name, "there is no such file", "check the path")
    return BadInput(name, f"it cannot be read ({error.strerror})", "copy it anew or check the disk")


def too_many_bytes(name: str, limits: Limits) -> BadInput:
    """Return the error for a file over the limit of bytes."""
    return BadInput(
        name,
        f"it is larger than the limit of {limits.max_bytes:,} bytes",
        "split it, or raise LEDGERMILL_MAX_BYTES",
    )
