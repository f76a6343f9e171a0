"""From what the user names to the files that are to be read. Nothing is parsed here, but for lists
of sources (`workers.sources.lists`), which a guarded child reads.

A folder is walked without following its links out of it; a pattern may use `*`, `?`, `[abc]` and
`**`. Everything comes in natural order: `page 2` before `page 10`.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.errors import BadInput
from workers.sources.entry import Entry
from workers.sources.guard import open_list
from workers.sources.kinds import HEAD, SIDE_SUFFIXES, sniff, why_not
from workers.sources.lists import MAX_BYTES, is_list
from workers.sources.model import (
    FoundSource,
    IgnoredFile,
    Limits,
    RefusedSource,
    RemoteSource,
    read_regular,
    too_many_bytes,
    unreadable,
)
from workers.sources.names import natural_key, shown

Found = FoundSource | RemoteSource | RefusedSource | IgnoredFile

_WILD = re.compile(r"[*?[]")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_METS = "mets.xml"
"""What the list of a workspace is called, of OCR-D or exported by Transkribus."""
_SPECIAL = (
    (stat.S_ISFIFO, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
)
_TAKE_OUT = "take it out of the folder"
_DEEPEST = 128  # folders within folders: a chain of thousands is no archive


def find_sources(
    specs: Sequence[str], limits: Limits, transcribed: bool = False
) -> Iterator[Found]:
    """Yield the files that paths, folders and patterns stand for, in natural order.

    What lies elsewhere, named by its address or in a list, is found without being looked at. With
    `transcribed`, the PAGE or ALTO file of a page comes with it: `NAME.xml` beside it or in a
    folder `page` or `alto` there, or what a list names.

    A file that is named is always found or refused. In a folder or by a pattern, hidden files and
    text beside the scans (`.csv`, `.txt`, ...) are ignored unless they hold an image; whatever
    else is there is found or refused. Only the first bytes of a file are looked at.
    """
    for spec in specs:
        path = Path(spec)
        if _ADDRESS.match(spec):
            found: Iterator[Found] = iter([_elsewhere(spec)])
        elif os.path.lexists(path) or not _WILD.search(spec):
            found = _named(path, spec, limits)
        else:
            found = _matching(spec, limits)
        for each in found:
            if transcribed and isinstance(each, FoundSource) and each.transcription is None:
                each = replace(each, transcription=_transcription(each))
            yield each


def find_files(
    paths: Sequence[Path], limits: Limits, transcribed: bool = False
) -> Iterator[FoundSource | RefusedSource | IgnoredFile]:
    """Yield files of a folder as `find_sources` does: text beside the scans is ignored."""
    for path in paths:
        name = str(path)
        try:
            mode = path.lstat().st_mode
        except OSError as error:
            yield RefusedSource.of(unreadable(shown(name), error))
            continue
        found = _misnamed(path.name, name) or _file(path, name, mode, limits, named=False)
        if transcribed and isinstance(found, FoundSource):
            found = replace(found, transcription=_transcription(found))
        yield found


# --- what a name stands for ---------------------------------------------------------------------


def _named(path: Path, name: str, limits: Limits) -> Iterator[Found]:
    """Yield what one path stands for: a file, or the files of a folder; links are followed.

    A METS file may be followed by `#GROUP`, the group of files that is meant.
    """
    group = ""
    if "#" in name and not os.path.lexists(path):
        name, _, group = name.partition("#")
        path = Path(name)
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError) as error:
        yield RefusedSource.of(_unresolved(path, shown(name), error))
        return
    if stat.S_ISDIR(mode):
        yield from _folder(real, name.rstrip("/") or "/", real, limits)
    else:
        found = _misnamed(path.name, name) or _file(real, name, mode, limits, named=True)
        if isinstance(found, RefusedSource) and _may_list(real):
            yield from _listed(real, name, group, limits)
        else:
            yield found


def _folder(folder: Path, name: str, root: Path, limits: Limits) -> Iterator[Found]:
    entries, refused = _entries(folder, name)
    if refused:
        yield refused
    if any(entry.name == _METS and entry.is_file(follow_symlinks=False) for entry in entries):
        yield from _listed(folder / _METS, _inside(name, _METS), "", limits)
        return
    for entry in entries:
        yield from _entry(entry, _inside(name, entry.name), root, limits)


def _entries(folder: Path, name: str) -> tuple[list[os.DirEntry[str]], RefusedSource | None]:
    if not _may_read(folder.stat().st_mode):
        error: OSError = PermissionError()
    else:
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: natural_key(entry.name)), None
        except OSError as caught:
            error = caught
    if isinstance(error, PermissionError):
        reason = "the folder's permissions do not let it be read"
        return [], RefusedSource(shown(name), reason, "run: chmod u+rx on it")
    return [], RefusedSource.of(unreadable(shown(name), error))


def _entry(entry: os.DirEntry[str], name: str, root: Path, limits: Limits) -> Iterator[Found]:
    """Yield what one entry of a folder stands for; links that lead out of `root` are refused."""
    if entry.name.startswith("."):
        yield IgnoredFile(shown(name))
        return
    misnamed = _misnamed(entry.name, name)
    if misnamed:
        yield misnamed
        return
    path = Path(entry.path)
    try:
        if entry.is_symlink():
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
            yield from _link(path, real, mode, name, root, limits)
        elif entry.is_dir():
            if name.count(os.sep) > _DEEPEST:
                reason = f"it lies more than {_DEEPEST} folders deep"
                yield RefusedSource(shown(name), reason, "name it on its own")
            else:
                yield from _folder(path, name, root, limits)
        else:
            yield _file(path, name, entry.stat().st_mode, limits, named=False)
    except (OSError, RuntimeError) as error:
        yield RefusedSource.of(_unresolved(path, name, error))


def _inside(folder: str, own: str) -> str:
    return f"{folder.rstrip('/')}/{own}" if folder else own


def _link(
    link: Path, real: Path, mode: int, name: str, root: Path, limits: Limits
) -> Iterator[Found]:
    if not real.is_relative_to(root):
        yield RefusedSource(
            name, "it is a link that leads out of the folder", "name the file itself, or copy it"
        )
    elif not stat.S_ISDIR(mode):
        yield _file(real, name, mode, limits, named=False)
    elif link.parent.resolve().is_relative_to(real):
        yield RefusedSource(name, "it is a link to a folder that it lies in", "remove the link")
    else:
        yield IgnoredFile(name)  # what it leads to is found where it is


def _unresolved(path: Path, name: str, error: Exception) -> BadInput:
    """Return why a path leads nowhere."""
    if not isinstance(error, OSError) or error.errno == errno.ELOOP:
        return BadInput(name, "it is a link that leads back to itself", "remove the link")
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        target = shown(str(path.readlink()))
        return BadInput(name, f"it is a link to {target}, which is not there", "remove the link")
    return unreadable(name, error)


def _misnamed(own: str, name: str) -> RefusedSource | None:
    if shown(own) == own:
        return None
    try:
        own.encode("utf-8")
        wrong = "control characters"
    except UnicodeEncodeError:
        wrong = "bytes that are no UTF-8"
    return RefusedSource(shown(name), f"its name holds {wrong}", "rename it")


def _file(
    path: Path, name: str, mode: int, limits: Limits, *, named: bool
) -> FoundSource | RefusedSource | IgnoredFile:
    """Say whether a file can be a source, by its kind, size, permissions and first bytes."""
    name = shown(name)
    for is_kind, reason in _SPECIAL:
        if is_kind(mode):
            return RefusedSource(name, reason, _TAKE_OUT)
    try:
        if not _may_read(mode):
            raise unreadable(name, PermissionError())
        head = read_regular(path, name, HEAD)
        size = path.stat().st_size
    except BadInput as error:
        return RefusedSource.of(error)
    except OSError as error:
        return RefusedSource.of(unreadable(name, error))
    if sniff(head) is None:
        if head and not named and PurePosixPath(name).suffix.lower() in SIDE_SUFFIXES:
            return IgnoredFile(name)
        return RefusedSource(name, *why_not(head))
    if size > limits.max_bytes:
        return RefusedSource.of(too_many_bytes(name, limits))
    return FoundSource(name, path)


def _may_read(mode: int) -> bool:
    """Tell whether anybody may read it: root could all the same, and would see other pages."""
    return bool(mode & 0o444)


# --- lists and other machines -------------------------------------------------------------------


def _elsewhere(address: str, entry: Entry | None = None) -> RemoteSource | RefusedSource:
    """Return what lies on another machine: an entry of a list, or what the user wrote down."""
    from workers.bring import entry_source, remote_source

    try:
        return entry_source(entry) if entry else remote_source(address)
    except BadInput as error:
        return RefusedSource.of(error)


def _may_list(path: Path) -> bool:
    """Tell whether a file that is no page may be a list of them."""
    try:
        head = read_regular(path, path.name, HEAD)
    except BadInput:
        return False
    return path.suffix.lower() in (".csv", ".tsv") or is_list(head)


def _listed(path: Path, name: str, group: str, limits: Limits) -> Iterator[Found]:
    """Yield what a list names: files in its own folder, and what lies elsewhere."""
    try:
        data = read_regular(path, shown(name), MAX_BYTES + 1)
        entries = open_list(data, shown(name), limits, group=group)
    except BadInput as error:
        yield RefusedSource.of(error)
        return
    root = path.parent
    folder = name.rpartition("/")[0]
    for entry in entries:
        if _ADDRESS.match(entry.address):
            yield _elsewhere(entry.address, entry)
        elif not entry.address:
            yield RefusedSource(
                f"{shown(name)}!/{entry.name}", "the list names no image for it", "see the list"
            )
        else:
            found = _beside(root, entry.address, _inside(folder, entry.address), limits)
            if isinstance(found, FoundSource):
                found = replace(found, entry=entry, transcription=_text_beside(root, entry))
            yield found


def _beside(root: Path, address: str, name: str, limits: Limits) -> FoundSource | RefusedSource:
    """Return the file that a list names, which has to lie in the list's folder or below."""
    try:
        real = (root / address).resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            return RefusedSource(
                shown(name), "it lies outside the folder of its list", "put the list above it"
            )
        found = _misnamed(real.name, name) or _file(
            real, name, real.stat().st_mode, limits, named=True
        )
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ValueError):  # a NUL in it
            return RefusedSource(shown(name), "it is no path", "mend the list")
        return RefusedSource.of(_unresolved(root / address, shown(name), error))
    assert not isinstance(found, IgnoredFile)
    return found


def _text_beside(root: Path, entry: Entry) -> FoundSource | None:
    """Return the transcription that a list names, where it lies in the list's folder or below."""
    named = entry.transcription
    if not named or _ADDRESS.match(named):
        return None
    try:
        real = (root / named).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return FoundSource(shown(named), real) if real.is_relative_to(root.resolve()) else None


def _transcription(source: FoundSource) -> FoundSource | None:
    """Return the PAGE or ALTO file of a page image, if there is one."""
    own = source.path.stem
    for folder in ("", "page", "PAGE", "alto", "ALTO"):
        for suffix in (".xml", ".alto.xml"):
            path = source.path.parent / folder / f"{own}{suffix}"
            if path.is_file() and not path.is_symlink():
                return FoundSource(shown(str(path)), path)
    return None


# --- patterns -----------------------------------------------------------------------------------


def _matching(pattern: str, limits: Limits) -> Iterator[Found]:
    parts = PurePosixPath(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if _WILD.search(part))
    start = Path(*parts[:fixed])
    try:
        root = start.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        yield RefusedSource.of(_unresolved(start, shown(str(start)), error))
        return
    name = str(PurePosixPath(*parts[:fixed])) if fixed else ""
    nothing = True
    for found in _match(root, name, parts[fixed:], root, limits):
        nothing = False
        yield found
    if nothing:
        yield RefusedSource(shown(pattern), "no file matches this pattern", "check the pattern")


def _match(
    folder: Path,
    name: str,
    parts: tuple[str, ...],
    root: Path,
    limits: Limits,
    anywhere: bool = False,
) -> Iterator[Found]:
    """Yield what matches the parts of a pattern below a folder; `**` is any number of folders.

    A folder that matches stands for its files, unless `**` finds those `anywhere` as it is.
    """
    part, rest = parts[0], parts[1:]
    if part == "**" and not rest:
        yield from _folder(folder, name, root, limits)
        return
    entries, refused = _entries(folder, name or ".")
    if refused and part != "**":
        yield refused
    if part == "**":
        yield from _match(folder, name, rest, root, limits, anywhere=True)
    for entry in entries:
        inside = _inside(name, entry.name)
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        if part == "**":
            if is_folder and inside.count(os.sep) <= _DEEPEST:
                yield from _match(Path(entry.path), inside, parts, root, limits)
        elif not fnmatch.fnmatchcase(entry.name, part):
            continue
        elif rest:
            if is_folder:
                yield from _match(Path(entry.path), inside, rest, root, limits)
        elif not (is_folder and anywhere):
            yield from _entry(entry, inside, root, limits)
