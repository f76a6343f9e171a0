"""Corrected pages: what `digitize` wrote and a person put right, or any transcription with places.

`NAME.json` (a page object), `NAME.xml` (PAGE or ALTO) and the image lie side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from pipeline.page import Polygon, Transcription, from_json
from pipeline.preprocess import Gray, grayscale
from pipeline.tables.crops import line_crop
from pipeline.training.datasets import Labelled, reduced
from pipeline.training.datasets.lines import IMAGES, TALLEST, read_pages

UNSETTLED = ("rejected", "doubtful")
"""Cells that a person has not settled teach nothing."""


def read_corrected(folder: Path, alphabet: str) -> list[Labelled]:
    """Return the lines and cells of a folder's corrected pages, as far as the alphabet writes them.

    Of a page object all lines and the cells that have a text and are not `rejected` or `doubtful`
    are taken; each page is a group. Raises `BadInput` for a file that is damaged or has no image.
    """
    known = set(alphabet)
    lines = [line.labelled for line in read_pages(folder, str)]
    found = [*_objects(folder), *lines]
    return [sample for sample in found if set(sample.texts[0]) <= known]


def _objects(folder: Path) -> Iterator[Labelled]:
    for file in sorted(folder.glob("*.json")):
        try:
            page = from_json(json.loads(file.read_text("utf-8")))
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise BadInput(
                str(file), f"not a page object ({error})", "mend or remove it"
            ) from error
        image = next((file.with_suffix(s) for s in IMAGES if file.with_suffix(s).exists()), None)
        if image is None:
            raise BadInput(str(file), "has no image of the same name", "put it beside the file")
        gray = grayscale(decode_image(image.read_bytes(), ImageLimits()))
        for text, polygon in _texts(page):
            crop = _cut(gray, polygon)
            if min(crop.shape) > 1:
                yield Labelled(crop, (" ".join(text.split()),), file.stem)


def _texts(page: Transcription) -> Iterator[tuple[str, Polygon]]:
    for line in page.lines:
        if line.text.strip():
            yield line.text, line.polygon
    for table in page.tables:
        for cell in table.cells:
            if cell.text.strip() and cell.status not in UNSETTLED:
                yield cell.text, cell.polygon


def _cut(gray: Gray, polygon: Polygon) -> Gray:
    return reduced(line_crop(gray, np.array(polygon, np.float32)), TALLEST)
