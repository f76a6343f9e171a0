"""What stands on a page as plain text: `NAME.txt`, UTF-8; a table's cells are parted by tabs."""

from __future__ import annotations

from pathlib import Path

from pipeline.page import Line
from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage
from storage.exports.texts.order import in_order


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.txt`; return the file."""
    path = out / f"{stem}.txt"
    write_file(path, to_text(page).encode("utf-8", "replace"))
    return [path]


def to_text(page: PublishedPage) -> str:
    """Return a page as text, tables set off by empty lines."""
    parts = []
    for part in in_order(page.transcription):
        if isinstance(part, Line):
            parts.append(f"{_flat(part.text)}\n")
        else:
            rows = ("\t".join(map(_flat, row)).rstrip("\t") for row in part.grid())
            parts.append("\n" + "".join(f"{row}\n" for row in rows) + "\n")
    return "".join(parts).strip("\n") + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
