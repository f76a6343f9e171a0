"""The readers of untrusted bytes. They run in the guarded child only (`workers.sources.child`).

A reader yields pages and refusals in order, and an `At` before each step that might kill it. Its
`after` is the position at which an earlier child died: it goes on with the step behind that.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import BadInput
from workers.sources.kinds import MEDIA_TYPES, sniff, why_not
from workers.sources.model import Limits
from workers.sources.names import stem
from workers.sources.readers.archive import read_zip
from workers.sources.readers.images import read_image
from workers.sources.readers.pdf import read_pdf
from workers.sources.readers.step import Blob, Position, Step
from workers.sources.readers.tiff import read_tiff

__all__ = ["Blob", "Position", "Step", "read"]


def read(blob: Blob, name: str, limits: Limits, after: Position) -> Iterator[Step]:
    """Yield what a source holds. Raises `BadInput` in its `name` where it cannot be opened."""
    head = blob.head()
    if sniff(head) == "zip":
        yield from read_zip(blob, name, limits, after, _read_file)
    else:
        yield from _read_file(blob, name, name, limits, after)


def _read_file(
    blob: Blob, name: str, own_name: str, limits: Limits, after: Position
) -> Iterator[Step]:
    """Yield the pages of anything but a ZIP; `own_name` is what they are called after."""
    head = blob.head()
    kind = sniff(head)
    page = stem(own_name)
    if kind is None:
        raise BadInput(name, *why_not(head))
    if kind == "zip":
        raise BadInput(name, "a ZIP within a ZIP is not opened", "unpack it first")
    if kind == "pdf":
        yield from read_pdf(blob, name, page, limits, after)
    elif kind == "tiff":
        yield from read_tiff(blob, name, page, limits, after)
    else:
        yield read_image(blob, name, page, kind, MEDIA_TYPES[kind], limits)
