"""What stands on a page as Markdown (CommonMark with GitHub's tables): `NAME.md`.

A table has one row of heads, in which the texts of all its head rows are joined. Headings are such
of the second level, notes in the margin are quoted.
"""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.checks.headers import column_headers
from pipeline.page import Line, Table
from storage.exports.blocks import in_order
from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_STARTS = re.compile(r"^(\s*)(\d+)([.)])|^(\s*)([-+=])")


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.md`; return the file."""
    path = out / f"{stem}.md"
    write_file(path, to_markdown(page).encode("utf-8", "replace"))
    return [path]


def to_markdown(page: PublishedPage) -> str:
    """Return a page as Markdown, with its name as the heading."""
    parts = [f"# {_plain(page.name)}\n"]
    for block in in_order(page.transcription):
        lines = [line for _, line in block.lines if line.text.strip()]
        if lines and block.kind == "heading":
            parts.append(f"## {' '.join(_plain(line.text) for line in lines)}\n")
        elif lines:
            quoted = "> " if block.kind == "margin" else ""
            parts.append("".join(f"{quoted}{_line(line)}" for line in lines))
        if block.table is not None:
            parts.append(_table(block.table[1]))
    return "\n".join(parts)


def _line(line: Line) -> str:
    text = _STARTS.sub(_not_a_list, _plain(line.text))
    return f"{text}  \n"  # two spaces: the next line stays one of its own


def _table(table: Table) -> str:
    heads = [_plain(head) for head in column_headers(table)]
    body = table.grid()[table.header_rows :]
    rows = [heads, ["---"] * table.columns, *([_plain(text) for text in row] for row in body)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _plain(text: str) -> str:
    """Return a text on one line that means nothing but itself."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _not_a_list(found: re.Match[str]) -> str:
    if found[2] is not None:
        return f"{found[1]}{found[2]}\\{found[3]}"
    return f"{found[4]}\\{found[5]}"
