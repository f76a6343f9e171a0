"""ZIP: its entries are read one by one in memory, and nothing of it is ever written to a path.

An archive that is built to do harm (paths that lead out of it, entries that overlap or unpack to
a thousand times their size) is refused whole; an entry that cannot be read is refused alone.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from pipeline.errors import BadInput
from workers.sources.kinds import HEAD, SIDE_SUFFIXES, sniff
from workers.sources.model import Limits, too_many_bytes
from workers.sources.names import natural_key, shown
from workers.sources.readers.step import At, Blob, Position, Step, refusal, steps

MAX_ENTRIES = 20_000
MAX_RATIO = 150
"""Of unpacked to packed bytes, where an entry is larger than `RATIO_FROM`: scans of blank pages
reach about 100."""
RATIO_FROM = 16 * 1024**2

_READ = 1024**2
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"^[A-Za-z]:")
_DOCUMENTS = {
    "[Content_Types].xml": ("it is an Office document", "print it to a PDF"),
    "META-INF/container.xml": ("it is an e-book", "turn it into a PDF"),
    "META-INF/manifest.xml": ("it is an OpenDocument file", "print it to a PDF"),
}
_HARM = "do not open it, and ask where it came from"
_REPACK = "pack it again as a plain ZIP"

ReadFile = Callable[[Blob, str, str, Limits, Position], Iterator[Step]]


def read_zip(
    blob: Blob, name: str, limits: Limits, after: Position, read_file: ReadFile
) -> Iterator[Step]:
    """Yield what the entries of a ZIP hold, in natural order of their paths."""
    try:
        archive = zipfile.ZipFile(blob.file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise BadInput(
            name, "its directory is missing or damaged: the end may be lost", "copy it again"
        ) from error
    with archive:
        entries = _entries(archive, name, limits)
        unpacked = 0
        for number, rest in steps(len(entries), after):
            entry = entries[number]
            path = shown(_path(entry))
            inside = f"{name}!/{path}"
            yield At((number,), path)
            try:
                data = _unpack(archive, entry, inside, limits.max_bytes - unpacked)
                if data is None:
                    continue
                unpacked += len(data)
                for step in read_file(Blob.of(data), inside, path, limits, rest):
                    if isinstance(step, At):
                        step = At((number, *step.position), f"{path}!/{step.name}")
                    yield step
            except Exception as error:
                yield refusal(error, inside)


def _entries(archive: zipfile.ZipFile, name: str, limits: Limits) -> list[zipfile.ZipInfo]:
    """Return the entries that may be pages, or raise `BadInput` for an archive made to harm."""
    listed = archive.infolist()
    if len(listed) > MAX_ENTRIES:
        raise BadInput(
            name, f"it has {len(listed):,} entries, more than {MAX_ENTRIES:,}", "split it"
        )
    for entry in listed:
        path = _path(entry)
        for mark, (reason, remedy) in _DOCUMENTS.items():
            if path == mark:
                raise BadInput(name, reason, remedy)
        if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
            raise BadInput(
                name, f"the path of its entry {shown(path)} leads out of the archive", _HARM
            )
        if entry.file_size > max(RATIO_FROM, MAX_RATIO * entry.compress_size):
            raise _bomb(name, path)
    _check_overlap(listed, name)
    if sum(entry.file_size for entry in listed) > limits.max_bytes:
        error = too_many_bytes(name, limits)
        raise BadInput(name, "unpacked, " + error.reason, error.remedy)
    entries = [entry for entry in listed if not entry.is_dir() and not _hidden(entry)]
    pages = sum(PurePosixPath(_path(e)).suffix.lower() not in SIDE_SUFFIXES for e in entries)
    if pages > limits.max_pages:
        raise BadInput(
            name,
            f"it has {pages:,} pages, more than the limit of {limits.max_pages:,}",
            "split it, or raise LEDGERMILL_MAX_PAGES",
        )
    if not pages:
        raise BadInput(name, "it holds no page", "pack the scans into it")
    return sorted(entries, key=lambda entry: natural_key(_path(entry)))


def _check_overlap(listed: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse entries that share their bytes, by which small archives unpack to very large ones."""
    end = 0
    for entry in sorted(listed, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BadInput(name, "its entries overlap, as those of a ZIP bomb do", _HARM)
        end = entry.header_offset + _LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, room: int) -> bytes | None:
    """Return the bytes of an entry, or `None` where it is text that stands beside the scans.

    What comes out is counted, whatever the archive says of it. Raises `BadInput`.
    """
    if entry.flag_bits & _ENCRYPTED:
        raise BadInput(name, "it asks for a password", "pack it again without one")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadInput(name, "it is a link, not a file", "pack the file itself")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(name, "it is compressed in a way that is not read", _REPACK)
    data = bytearray()
    try:
        with archive.open(entry) as file:
            data += file.read(HEAD)
            beside = PurePosixPath(entry.filename).suffix.lower() in SIDE_SUFFIXES
            if beside and data and sniff(bytes(data)) is None:
                return None
            while chunk := file.read(_READ):
                data += chunk
                if len(data) > room:
                    raise BadInput(name, "the archive unpacks to too many bytes", "split it")
                if len(data) > max(RATIO_FROM, MAX_RATIO * entry.compress_size):
                    raise _bomb(name, entry.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise BadInput(name, "its data is damaged", "pack it again") from error
    return bytes(data)


def _bomb(name: str, path: str) -> BadInput:
    return BadInput(
        name,
        f"its entry {shown(path)} unpacks to more than {MAX_RATIO} times its size: a ZIP bomb",
        _HARM,
    )


def _path(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/")


def _hidden(entry: zipfile.ZipInfo) -> bool:
    parts = _path(entry).split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts)
