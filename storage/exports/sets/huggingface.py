"""Cut-out lines and cells with their texts, to train a recognizer on: the folder `huggingface`.

As `datasets.load_dataset("imagefolder", data_dir=…)` reads it: `train` and `validation`, each with
a `metadata.jsonl`. A tenth of the pages, chosen by their names, validate. What nobody is sure of is
left out: texts that are empty, doubtful, rejected or were computed for want of ink.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from storage.exports.files import appearing, writing
from storage.exports.files import write as write_file
from storage.exports.growing import Growing
from storage.exports.pages import PublishedPage
from storage.exports.scans import cut, pixels_of, png
from storage.exports.sets.cuts import Place, places_of

FOLDER = "huggingface"
UNSURE = ("doubtful", "rejected", "inferred")

_MARGIN = 0.15
_EVERY = 10

_CARD = """---
task_categories:
- image-to-text
tags:
- handwritten-text-recognition
- tables
configs:
- config_name: default
  drop_labels: true
---

# Lines and cells of transcribed pages

Cut out of scans by Ledgermill. `text` is what stands there; `kind` is `line` or `cell`; `status`
and `confidence` say how sure that is, `corrected` that a person said so.

    from datasets import load_dataset
    load_dataset("imagefolder", data_dir="huggingface")
"""


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write the cut-outs of one page to `out/huggingface/SPLIT/STEM/`; return the files.

    Raises `BadInput` where the scan is lost or damaged.
    """
    places = list(_sure(page))
    if not places:
        return []
    image = pixels_of(page)
    paths = []
    for place in places:
        path = out / FOLDER / _split(page) / _file(stem, place)
        write_file(path, png(cut(image, place.item.polygon, _MARGIN)))
        paths.append(path)
    return paths


class Writer:
    """Writes the lists of both splits, and the card."""

    def __init__(self, out: Path) -> None:
        self._card = out / FOLDER / "README.md"
        self._lists = {name: _List(out / FOLDER / name) for name in ("train", "validation")}
        self._stack = ExitStack()

    @property
    def files(self) -> list[Path]:
        """The files of which there is anything."""
        lists = [path for each in self._lists.values() for path in each.files]
        return [self._card, *lists] if lists else []

    def write(self, page: PublishedPage, stem: str) -> None:
        """Add the cut-outs of a page."""
        rows = [_row(page, stem, place) for place in _sure(page)]
        if rows:
            if not self.files:
                write_file(self._card, _CARD.encode())
            self._lists[_split(page)].add(rows)

    def __enter__(self) -> Self:
        for each in self._lists.values():
            self._stack.enter_context(each)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


class _List(Growing[BinaryIO]):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "metadata.jsonl")

    def open(self) -> BinaryIO:
        return self.stack.enter_context(appearing(self.path))

    def add(self, rows: list[dict[str, Any]]) -> None:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        with writing(self.path):
            self.opened().write(text.encode())


def _sure(page: PublishedPage) -> Iterator[Place]:
    for place in places_of(page.transcription):
        if place.item.text.strip() and place.item.status not in UNSURE:
            yield place


def _row(page: PublishedPage, stem: str, place: Place) -> dict[str, Any]:
    return {
        "file_name": _file(stem, place).as_posix(),
        "text": place.item.text,
        "kind": "line" if place.table is None else "cell",
        "page": page.name,
        "collection": page.collection,
        "status": place.item.status,
        "confidence": round(place.item.confidence, 4),
        "corrected": place.item.corrected,
    }


def _file(stem: str, place: Place) -> Path:
    return Path(stem) / f"{place.name}.png"


def _split(page: PublishedPage) -> str:
    digest = hashlib.sha256(f"{page.collection}/{page.name}".encode("utf-8", "replace")).digest()
    return "validation" if digest[0] % _EVERY == 0 else "train"
