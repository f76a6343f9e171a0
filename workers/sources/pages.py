"""The pages of whatever sources a user names, opened here and now, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.errors import BadInput
from workers.sources.find import find_sources
from workers.sources.guard import open_document
from workers.sources.model import IgnoredFile, Limits, PageImage, RefusedSource, RemoteSource


def open_pages(sources: Sequence[str], limits: Limits) -> Iterator[PageImage | RefusedSource]:
    """Yield the pages of sources in their order, and what of them cannot be opened."""
    for source in find_sources(sources, limits):
        if isinstance(source, IgnoredFile):
            continue
        if isinstance(source, RefusedSource):
            yield source
            continue
        if isinstance(source, RemoteSource):
            yield RefusedSource(
                source.name, "it lies on another machine", "use `ledgermill ingest` or `digitize`"
            )
            continue
        try:
            yield from open_document(source.read(limits), source.name, limits)
        except BadInput as error:
            yield RefusedSource.of(error)
