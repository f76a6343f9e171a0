"""Lists in parts: a cursor says where the next part begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Response
from pydantic import BaseModel, Field
from starlette.datastructures import URL
from starlette.requests import Request

from web.problems import Problem

Item = TypeVar("Item")
Key = list[int | str]

_LARGEST = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=1000, description="Items at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="`next` of the part before; none for the first part."),
]


class Listed(BaseModel, Generic[Item]):
    """A part of a list; `next` is the cursor of the part behind it, null in the last one."""

    items: list[Item]
    next: str | None = Field(description="Also in the header `Link`, as the address of that part.")


def listed(
    items: Sequence[Item],
    limit: int,
    key: Callable[[Item], Key],
    request: Request,
    response: Response,
) -> Listed[Item]:
    """Return up to `limit` items as a part, of which one more was asked for than is wanted."""
    following = None
    if len(items) > limit:
        items = items[:limit]
        following = write(key(items[-1]))
    link(following, request, response)
    return Listed(items=list(items), next=following)


def link(following: str | None, request: Request, response: Response) -> None:
    """Say where the next part is, if there is one."""
    if following is not None:
        address = URL(str(request.url)).include_query_params(cursor=following)
        response.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'


def write(key: Key) -> str:
    """Return the cursor of what stands behind `key`."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode()


def read(cursor: str | None, *kinds: type) -> Key | None:
    """Return the key that a cursor holds, of these types. Raises `Problem` where it is none."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor.encode(), b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _wrong() from None
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise _wrong()
    for part in key:
        if isinstance(part, int) and abs(part) > _LARGEST:
            raise _wrong()
        if isinstance(part, str) and not part.isprintable():
            raise _wrong()
    return key


def _wrong() -> Problem:
    return Problem(422, "query.cursor: no cursor of this list; take `next` of the part before")
