"""What stands on a page as plain text: `NAME.txt`, UTF-8; a table's cells are parted by tabs."""

from __future__ import annotations

from pathlib import Path

from storage.exports.blocks import in_order
from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.txt`; return the file."""
    path = out / f"{stem}.txt"
    write_file(path, to_text(page).encode("utf-8", "replace"))
    return [path]


def to_text(page: PublishedPage) -> str:
    """Return a page as text, regions and tables set off by empty lines."""
    parts = []
    for block in in_order(page.transcription):
        rows = [_flat(line.text) for _, line in block.lines if line.text.strip()]
        if block.table is not None:
            rows += ["\t".join(map(_flat, row)).rstrip("\t") for row in block.table[1].grid()]
        if rows:
            parts.append("".join(f"{row}\n" for row in rows))
    return "\n".join(parts) or "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
