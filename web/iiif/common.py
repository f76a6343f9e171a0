"""What all parts of IIIF share: addresses, JSON-LD, and who may look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from web.site import Site

JSON_LD_TYPES = {
    "application/ld+json": {"schema": {"type": "object"}},
    "application/json": {"schema": {"type": "object"}},
}
"""What `json_ld` answers, for OpenAPI."""

_DAY = 24 * 3600


def base(site: Site, request: Request) -> str:
    """Return the address of the site, as people have it; no slash at its end."""
    return site.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"


def json_ld(request: Request, context: str, body: Mapping[str, Any], etag: str) -> Response:
    """Return JSON-LD: as `application/json` to whoever does not ask for `application/ld+json`."""
    kind = "application/json"
    if "application/ld+json" in request.headers.get("accept", "application/ld+json"):
        kind = f'application/ld+json;profile="{context}"'
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(data, media_type=kind, headers={"ETag": etag, "Vary": "Accept"})


def keeping(site: Site) -> str:
    """Return for how long a picture may be kept, which never changes, and by whom."""
    who = "public" if site.settings.public_reading else "private"
    return f"{who}, max-age={_DAY}"
