"""Lists as CSV: a first line of names, then a source a line with what is known of it.

`source` (a URL, or a path relative to the list) must be there; `station`, `date`, `title`, `rights`
and `transcription` (the PAGE or ALTO file of the page) may. Other columns are kept as they are
called. Fields are parted by commas, semicolons or tabs; the text is UTF-8.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from pipeline.errors import BadInput
from workers.sources.entry import Entry, told

_HEADER = "its first line has to name the columns: source,station,date,title,rights"
_LONGEST_FIELD = 10_000


def read_table(data: bytes, name: str) -> Iterator[Entry]:
    """Yield what the lines of a CSV name. Raises `BadInput` with the number of the line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(name, f"line {line} is no UTF-8", "save it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(_LONGEST_FIELD)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        header = [column.strip().casefold() for column in next(lines, [])]
        if "source" not in header:
            raise BadInput(name, "it is text, but no list of sources", _HEADER)
        if len(set(header)) < len(header):
            raise BadInput(name, "two of its columns have the same name", _HEADER)
        for fields in lines:
            if not any(fields):
                continue
            if len(fields) != len(header):
                raise BadInput(
                    name,
                    f"line {lines.line_num} has {len(fields)} fields, not {len(header)}",
                    "put fields that hold a separator into quotes",
                )
            said = {key: value.strip() for key, value in zip(header, fields, strict=True) if key}
            source = said.pop("source")
            if not source:
                raise BadInput(name, f"line {lines.line_num} names no source", "fill it in")
            transcription = said.pop("transcription", "") or None
            yield Entry("", source, told=told(**said), transcription=transcription)
    except csv.Error as error:
        raise BadInput(name, f"line {lines.line_num}: {error}", "save it as CSV anew") from error
