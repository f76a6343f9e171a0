"""Lists of sources. They are read in the guarded child only (`workers.sources.child`).

A list is what its content says it is: JSON is a IIIF manifest or collection (Presentation API 2 and
3), XML is METS, and a text whose first line names the column `source` is a CSV list.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import BadInput
from workers.sources.entry import Entry
from workers.sources.kinds import HEAD, sniff

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "is_list", "read_list"]

MAX_BYTES = 64 * 1024**2
"""Of a list; one of 200 canvases has about a quarter of a megabyte."""
MAX_ENTRIES = 100_000


def is_list(data: bytes) -> bool:
    """Tell by its beginning whether something may be a list: JSON, or XML that speaks of METS."""
    if sniff(data[:HEAD]) is not None:
        return False
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"{", b"[")) or (
        start.startswith(b"<") and b"mets" in start and b"<html" not in start
    )


def read_list(data: bytes, name: str, base: str, group: str) -> Iterator[Entry]:
    """Yield what a list names, in its order.

    `base` is the list's own URL, against which those in it are read; "" for a file. `group` is
    which group of files is meant where the list has several, "" for what is best. Raises `BadInput`
    in its `name` where it is no list, or an endless one.
    """
    # Here, since whoever opens images has no use for them.
    from workers.sources.lists.iiif import read_iiif
    from workers.sources.lists.mets import read_mets
    from workers.sources.lists.table import read_table

    if len(data) > MAX_BYTES:
        raise BadInput(name, f"as a list it is larger than {MAX_BYTES:,} bytes", "split it")
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        entries = read_iiif(data, name, base)
    elif start.startswith(b"<") or data.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")):
        entries = read_mets(data, name, base, group)
    else:
        entries = read_table(data, name)
    for number, entry in enumerate(entries, 1):
        if number > MAX_ENTRIES:
            raise BadInput(name, f"it lists more than {MAX_ENTRIES:,} sources", "split it")
        yield entry
