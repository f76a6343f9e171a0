"""Pages as files: one module a format, each with `write` and `write_page`.

What pages observed, as files of a station, is in `observed`.

What is written is the same byte for byte whenever the pages are the same, in the same order. A
file appears whole or not at all, under a name that stays inside the folder that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from pipeline.errors import BadInput
from storage.exports import csv, json, parquet
from storage.exports.files import Names
from storage.exports.pages import PublishedPage

FORMATS: dict[str, Callable[[PublishedPage, str, Path], list[Path]]] = {
    "csv": csv.write_page,
    "json": json.write_page,
}


def formats_of(text: str, known: Sequence[str] = tuple(FORMATS)) -> tuple[str, ...]:
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
    pages: Iterable[PublishedPage], out: Path, formats: Sequence[str]
) -> Iterator[tuple[PublishedPage, list[Path]]]:
    """Write pages to the folder `out` in every format, and yield each with its files.

    The files of a page have the same stem in every format. Among `formats` may be `parquet`: one
    file of the cells of all pages, named with those of the first page that has any. Raises
    `Unavailable` where a file cannot be written.
    """
    names = Names()
    with ExitStack() as stack:
        chosen = [FORMATS[name] for name in formats if name in FORMATS]
        cells = stack.enter_context(parquet.Writer(out)) if "parquet" in formats else None
        for page in pages:
            stem = names.stem(page.name)
            paths = [path for write in chosen for path in write(page, stem, out)]
            if cells is not None:
                known = cells.written
                cells.write(page)
                paths += [cells.path] if cells.written and not known else []
            yield page, paths
