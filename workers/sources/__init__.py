"""Sources: finding what the user names, and opening it without trusting it.

`find_sources` runs where the files are and parses nothing; `open_document` runs in a worker, and
parses in a child process with limits (`workers.sources.guard`).
"""

from workers.sources.find import find_sources
from workers.sources.guard import open_document
from workers.sources.model import (
    FoundSource,
    IgnoredFile,
    Limits,
    PageImage,
    RefusedSource,
    RemoteSource,
)

__all__ = [
    "FoundSource",
    "IgnoredFile",
    "Limits",
    "PageImage",
    "RefusedSource",
    "RemoteSource",
    "find_sources",
    "open_document",
]
