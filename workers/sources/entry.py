"""What a list names: a manifest, a METS file, a CSV file, a listing of a bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from workers.sources.names import shown

Kind = Literal["file", "image", "list"]
"""A file as it is; an image that a IIIF server makes to measure; another list."""

TOLD = ("station", "date", "title", "rights")
"""What has a name of its own among the things that a list may say of a page."""

_LONGEST_TOLD = 4000
_LONGEST_NAME = 80
_MOST_TOLD = 40
_UNFIT = re.compile(r"[/\\\x00-\x1f\x7f\s]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a list names.

    `name` is what its page is to be called, "" where its file's name says so. `address` is a URL,
    or in a list that lies in a folder also a path in there. `told` is what the list says of it,
    by `TOLD` and other names. Of an `image`, `service` is the base of its IIIF image service (none:
    the address alone), of version `api`, and `size` its width and height as the list has them.
    `transcription` is the address of a PAGE or ALTO file that belongs to it.
    """

    name: str
    address: str
    kind: Kind = "file"
    told: Mapping[str, str] = field(default_factory=dict)
    service: str | None = None
    api: int = 2
    size: tuple[int, int] | None = None
    transcription: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, what is empty left out."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {}, "")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Return what `to_json` wrote down."""
        size = data.get("size")
        return cls(
            **{
                "name": "",
                "address": "",
                **data,
                "told": {str(k): str(v) for k, v in data.get("told", {}).items()},
                "size": (int(size[0]), int(size[1])) if size else None,
            }
        )


def told(**said: str | None) -> dict[str, str]:
    """Return what a list says, shortened to what is sensible and without what is empty."""
    cleaned = {
        name: " ".join(shown(value).split())[:_LONGEST_TOLD]
        for name, value in list(said.items())[:_MOST_TOLD]
        if value
    }
    return {name: value for name, value in cleaned.items() if value}


def page_name(title: str, number: int) -> str:
    """Return what the page of that number (from 1) of a list is called."""
    fit = _UNFIT.sub(" ", title).strip(" .")[:_LONGEST_NAME].strip()
    return f"{fit or 'page'}-{number:04}"
