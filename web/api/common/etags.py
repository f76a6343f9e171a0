"""ETags: a reader is spared what it has; a writer is told that it saw something else."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

from fastapi import Header, Response

from web.problems import Problem

IfNoneMatch = Annotated[
    str | None,
    Header(description="An ETag of before; where it still holds, the answer is 304 and empty."),
]
IfMatch = Annotated[
    str | None,
    Header(description="An ETag of the page; where it no longer holds, the answer is 412."),
]

_TAG = re.compile(r'"[^"]*"')

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as it was."}}


def quoted(version: str) -> str:
    """Return a version as a strong ETag."""
    return f'"{version}"'


def of(*things: object) -> str:
    """Return an ETag that changes with what any of some frozen things says."""
    return quoted(hashlib.sha256(repr(things).encode("utf-8", "replace")).hexdigest()[:32])


def unchanged(if_none_match: str | None, etag: str) -> Response | None:
    """Return the answer 304 where a reader has what the ETag names, else None."""
    if if_none_match is not None and matches(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return None


def check(if_match: str | None, etag: str) -> None:
    """Raise `Problem` where a writer saw something else than what the ETag names."""
    if if_match is not None and not matches(if_match, etag):
        raise Problem(
            412, "the page was changed meanwhile; look at it, then try again", {"ETag": etag}
        )


def matches(header: str, etag: str) -> bool:
    """Return whether `If-Match` or `If-None-Match` names the ETag, as weak ones are compared."""
    return header.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(header)
