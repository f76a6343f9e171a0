"""All pages as JSON Lines, `pages.jsonl`: the published page object of each page, a page a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from pipeline.page import to_json
from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.exports.pages import PublishedPage


class Writer(Growing[BinaryIO]):
    """Writes `pages.jsonl` to a folder, page by page."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / "pages.jsonl")

    def open(self) -> BinaryIO:
        return self.stack.enter_context(appearing(self.path))

    def write(self, page: PublishedPage, stem: str) -> None:
        """Add a page, under its name of the other formats' files."""
        whole = to_json(page.transcription, stem, page.run, page.provenance)
        text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        with writing(self.path):
            self.opened().write(f"{text}\n".encode())
