"""The scan itself, byte for byte: `NAME.jpg` (or as its type is), as PAGE and ALTO name it."""

from __future__ import annotations

from pathlib import Path

from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write the scan of one page; return the file. Raises `BadInput` where it is lost."""
    path = out / page.image_name(stem)
    write_file(path, page.scan())
    return [path]
