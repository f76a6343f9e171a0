"""Image API 3.0, level 2 and more: every page's scan, in parts and sizes.

Besides level 2: sizes above the scan's own (`^`), any rotation, mirroring, WebP, gray and bitonal.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import text

from storage.catalogue import no_page
from web.api.common import etags
from web.api.common.kinds import PageId
from web.iiif.common import JSON_LD_TYPES, base, json_ld, keeping
from web.iiif.parameters import FORMATS, MAX_AREA, MAX_SIDE, parse
from web.lanes import slowly
from web.problems import responses
from web.security.principal import Reader
from web.site import Site, TheSite

router = APIRouter(tags=["IIIF"])

CONTEXT = "http://iiif.io/api/image/3/context.json"
_TILE = 512

_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_Part = Annotated[str, Path(max_length=100)]


@router.get("/image/{page_id}", status_code=303, response_class=RedirectResponse)
def image(_who: Reader, page_id: PageId) -> RedirectResponse:
    """Lead to what is known of a page's scan."""
    return RedirectResponse(f"/iiif/image/{page_id}/info.json", 303)


@router.get(
    "/image/{page_id}/info.json",
    responses={
        200: {
            "description": "Image information",
            "content": JSON_LD_TYPES,
        },
        **responses(404),
        **etags.NOT_MODIFIED,
    },
    response_class=Response,
)
def info(site: TheSite, _who: Reader, page_id: PageId, request: Request) -> Response:
    """Say how large a page's scan is, and in what parts it is best asked for."""
    sha256, size = _scan(site, page_id)
    etag = etags.quoted(f"{sha256[:20]}-info-1")
    known = etags.unchanged(request.headers.get("if-none-match"), etag)
    if known is not None:
        return known
    body = service(f"{base(site, request)}/iiif/image/{page_id}", size)
    return json_ld(request, CONTEXT, body, etag)


@router.get(
    "/image/{page_id}/{region}/{size}/{rotation}/{quality}.{form}",
    responses={
        200: {"description": "A picture", "content": dict.fromkeys(FORMATS.values(), _PICTURE)},
        **responses(400, 404),
        501: responses(404)[404] | {"description": "A format that is not given here."},
        **etags.NOT_MODIFIED,
    },
    response_class=Response,
)
@slowly
def picture(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    region: _Part,
    size: _Part,
    rotation: _Part,
    quality: _Part,
    form: _Part,
    request: Request,
) -> Response:
    """Return a part of a page's scan as a picture."""
    sha256, whole = _scan(site, page_id)
    wanted = parse(whole, region, size, rotation, quality, form)
    canonical = wanted.canonical(whole)
    etag = etags.quoted(f"{sha256[:20]}-{canonical}")
    headers = {
        "ETag": etag,
        "Cache-Control": keeping(site),
        "Link": (
            f'<{base(site, request)}/iiif/image/{page_id}/{canonical}>;rel="canonical", '
            '<http://iiif.io/api/image/3/level2.json>;rel="profile"'
        ),
    }
    known = etags.unchanged(request.headers.get("if-none-match"), etag)
    if known is not None:
        return known
    data = site.pictures.picture(sha256, whole, wanted)
    return Response(data, media_type=FORMATS[form], headers=headers)


def service(address: str, size: tuple[int, int]) -> dict[str, Any]:
    """Return the image information of a scan at an address."""
    width, height = size
    steps = max(0, math.ceil(math.log2(max(1.0, max(size) / _TILE))))
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": width,
        "height": height,
        "maxWidth": MAX_SIDE,
        "maxHeight": MAX_SIDE,
        "maxArea": MAX_AREA,
        "sizes": [
            {"width": math.ceil(width / 2**step), "height": math.ceil(height / 2**step)}
            for step in range(steps, -1, -1)
            if math.ceil(width / 2**step) * math.ceil(height / 2**step) <= MAX_AREA
        ],
        "tiles": [
            {"width": _TILE, "height": _TILE, "scaleFactors": [2**s for s in range(steps + 1)]}
        ],
        "preferredFormats": ["jpg"],
        "extraFormats": ["webp"],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": [
            "canonicalLinkHeader",
            "mirroring",
            "profileLinkHeader",
            "rotationArbitrary",
            "sizeUpscaling",
        ],
    }


def _scan(site: Site, page_id: int) -> tuple[str, tuple[int, int]]:
    """Return the digest of a page's scan, and its width and height. Raises `BadInput`."""
    with site.at_once() as connection:
        row = connection.execute(
            text(
                "select sha256, width, height from mill.image where sha256 ="
                " (select image_sha256 from mill.page where id = :page)"
            ),
            {"page": page_id},
        ).one_or_none()
    if row is None:
        raise no_page(page_id)
    return row.sha256, (row.width, row.height)
