"""What stands in a line besides words: dates, quantities and places, as typed values."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.page import Tag
from pipeline.prose.tagging.dates import find_dates
from pipeline.prose.tagging.places import find_places
from pipeline.prose.tagging.quantities import find_quantities


def find_tags(text: str, language: str | None) -> tuple[Tag, ...]:
    """Return what is tagged in a line, in its order; `language` is that of the line (BCP 47).

    What is a date is nothing else, and what is a quantity no place.
    """
    kept: list[Tag] = []
    for tags in (find_dates(text, language), find_quantities(text), find_places(text, language)):
        kept += [tag for tag in tags if not _meets(tag, kept)]
    return tuple(sorted(kept, key=lambda tag: tag.start))


def _meets(tag: Tag, others: Iterable[Tag]) -> bool:
    return any(tag.start < other.end and other.start < tag.end for other in others)
