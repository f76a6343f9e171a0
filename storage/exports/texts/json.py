"""The whole transcription of a page: `NAME.json`, by the published schema of the page object."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.page import to_json
from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.json`; return the file."""
    path = out / f"{stem}.json"
    whole = to_json(page.transcription, page.name, page.run, page.provenance)
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_file(path, f"{text}\n".encode())
    return [path]
