"""Pages as files: one module a format, chosen by the names in `FORMATS`.

What pages observed, as files of a station, is in `observed`.

What is written is the same byte for byte whenever the pages are the same, in the same order,
however often it was interrupted. A file appears whole or not at all, under a name that stays inside
the folder that was asked for. Only one page is held at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import BadInput
from storage.exports import image
from storage.exports.files import Names
from storage.exports.ledger import Ledger, digest_of
from storage.exports.markup import alto, hocr, page_xml, tei
from storage.exports.pages import PublishedPage
from storage.exports.sets import coco, huggingface, zooniverse
from storage.exports.tables import csv, parquet, xlsx
from storage.exports.texts import json, lines, markdown, plain


class Whole(AbstractContextManager[Any], Protocol):
    """What writes files that hold all pages."""

    @property
    def files(self) -> list[Path]:
        """The files of which there is anything so far."""
        ...

    def write(self, page: PublishedPage, stem: str) -> None:
        """Add a page, whose own files have that stem."""
        ...


def _pdf(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    from storage.exports import pdf  # pikepdf and fontTools are not needed for anything else

    return pdf.write_page(page, stem, out)


FORMATS: dict[str, Callable[[PublishedPage, str, Path], list[Path]]] = {
    "csv": csv.write_page,
    "json": json.write_page,
    "xlsx": xlsx.write_page,
    "txt": plain.write_page,
    "md": markdown.write_page,
    "page": page_xml.write_page,
    "alto": alto.write_page,
    "hocr": hocr.write_page,
    "tei": tei.write_page,
    "pdf": _pdf,
    "image": image.write_page,
}
"""What writes the files of one page: (page, stem, folder) to its files."""

WHOLES: dict[str, Callable[[Path], Whole]] = {
    "parquet": parquet.Writer,
    "jsonl": lines.Writer,
    "coco": coco.Writer,
    "huggingface": huggingface.Writer,
    "zooniverse": zooniverse.Writer,
}
"""What writes files of all pages, by the folder."""

ALL = (*FORMATS, *WHOLES)

_ALONE = {
    **FORMATS,
    "huggingface": huggingface.write_page,
    "zooniverse": zooniverse.write_page,
}

_AT_ONCE = ("csv", "json")
"""Written faster than one could look whether they are there."""


def formats_of(text: str, known: Sequence[str] = ALL) -> tuple[str, ...]:
    """Return the formats named in `text`, as `csv,json`. Raises `BadInput` for an unknown one."""
    choice = ", ".join(known)
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in known:
            raise BadInput(name, "no such format", f"choose from {choice}")
    if not names:
        raise BadInput("--format", "names no format", f"choose from {choice}")
    return names


def export(
    pages: Iterable[PublishedPage],
    out: Path,
    formats: Sequence[str],
    left_out: list[str] | None = None,
) -> Iterator[tuple[PublishedPage | None, list[Path]]]:
    """Write pages to the folder `out` in every format; yield each with its files.

    The files of a page have the same stem in every format. At last come, with `None`, the files
    that hold all pages, if there are any. What an earlier export to this folder wrote of the same
    page, and is still there as it was, is not written again. A page whose scan is lost or damaged
    has no file of the formats that need it: `left_out` gets a line that says so, without it
    `BadInput` is raised. Raises `Unavailable` where a file cannot be written.
    """
    names = Names()
    with ExitStack() as kept:
        alone = [name for name in formats if name in _ALONE]
        slow = any(name not in _AT_ONCE for name in alone)
        ledger = kept.enter_context(Ledger(out)) if slow else None
        with ExitStack() as stack:
            wholes = {
                name: stack.enter_context(WHOLES[name](out)) for name in formats if name in WHOLES
            }
            for page in pages:
                stem = names.stem(page.name)
                digest = digest_of(page) if ledger else ""
                paths, failed = [], set()
                for name in alone:
                    try:
                        written = None if name in _AT_ONCE else ledger
                        paths += _write(page, stem, out, name, written, digest)
                    except BadInput as error:
                        if left_out is None:
                            raise
                        left_out.append(f"{page.name}: {name}: {error}")
                        failed.add(name)
                for name, whole in wholes.items():
                    if name not in failed:
                        whole.write(page, stem)
                yield page, paths
        together = [path for whole in wholes.values() for path in whole.files]
    if together:
        yield None, together


def _write(
    page: PublishedPage, stem: str, out: Path, name: str, ledger: Ledger | None, digest: str
) -> list[Path]:
    if ledger is None:
        return _ALONE[name](page, stem, out)
    found = ledger.find(stem, name, digest)
    if found is None:
        found = _ALONE[name](page, stem, out)
        ledger.add(stem, name, digest, found)
    return found
