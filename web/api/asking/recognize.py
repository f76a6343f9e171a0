"""One image, read at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from pipeline.decode import decode_image
from pipeline.errors import BadInput
from web.lanes import slowly
from web.problems import Problem, responses
from web.recognizing import ReadImage
from web.security import rates
from web.security.principal import Reader
from web.site import Site, TheSite
from workers.sources.guard import open_document
from workers.sources.kinds import HEAD, MEDIA_TYPES, sniff
from workers.sources.model import Limits, PageImage

router = APIRouter(tags=["recognize"])

MOST_BYTES = 64 * 1024**2
_MOST_PIXELS = 50_000_000
_SECONDS = 60.0

_TYPES = ("image/jpeg", "image/png", "image/webp", "image/jp2", "image/tiff")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **dict.fromkeys(_TYPES, _BINARY),
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class RecognizedLine(BaseModel):
    """A line: x and y of its four corners, clockwise from the text's top left, in pixels."""

    coordinates: list[float] = Field(min_length=8, max_length=8)
    text: str | None = Field(description="Null with `detect_only`.")
    confidence: float | None = Field(
        description="The probability that the text is exactly right; null with `detect_only`."
    )


class Recognized(BaseModel):
    """What stands on an image of so many pixels, upright as its EXIF orientation says."""

    width: int
    height: int
    angle: float = Field(description="Skew in degrees, counter-clockwise positive.")
    lines: list[RecognizedLine]


@router.post("/recognize", responses=responses(400, 413, 415), openapi_extra=_BODY)
async def recognize(
    site: TheSite,
    who: Reader,
    request: Request,
    detect_only: Annotated[bool, Query(description="Only find the lines; read none.")] = False,
) -> Recognized:
    """Read one image: where its lines are, what they say, and how sure that is.

    The image is the body, or the field `image` of a form. Whole pages that are to be kept, with
    their tables, are better uploaded as a job.
    """
    if who.name is None:
        raise Problem(401, "reading images is for those who are signed in")
    await run_in_threadpool(rates.count_costly, site, who)
    data = await _image(request)
    pixels = await _opened(site, data)
    reading = site.recognizer.submit(pixels, detect_only)
    return _said(await asyncio.wrap_future(reading))


async def _image(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("image")
            if file is None or isinstance(file, str):
                raise Problem(422, "image: there is no file in this field of the form")
            return await file.read()
    if kind not in (*_TYPES, "application/octet-stream"):
        raise Problem(415, f"send an image: {', '.join(_TYPES)}, or a form with the field image")
    return await request.body()


@slowly
def _opened(site: Site, data: bytes) -> Any:
    """Return an image's pixels, parsed before by a child process that can be lost."""
    found = sniff(data[:HEAD])
    if found is None or MEDIA_TYPES[found] not in _TYPES:
        raise BadInput("image", "it is none that can be read", "send JPEG, PNG, WebP or TIFF")
    chosen = site.settings
    limits = Limits(
        MOST_BYTES,
        min(chosen.max_pixels, _MOST_PIXELS),
        1,
        min(chosen.max_open_seconds, _SECONDS),
        chosen.max_open_memory,
    )
    pages = list(open_document(data, "image", limits))
    page = pages[0] if pages else None
    if len(pages) != 1 or not isinstance(page, PageImage):
        if page is not None and not isinstance(page, PageImage):
            raise BadInput("image", page.reason, page.remedy)
        raise BadInput("image", "it holds several pages", "upload it as a job, or send one page")
    return decode_image(page.data, limits.image)


def _said(found: ReadImage) -> Recognized:
    return Recognized(
        width=found.width,
        height=found.height,
        angle=round(found.angle, 3),
        lines=[
            RecognizedLine(
                coordinates=[round(number, 1) for corner in line.polygon for number in corner],
                text=line.text,
                confidence=None if line.confidence is None else round(line.confidence, 4),
            )
            for line in found.lines
        ],
    )
