"""Exports: a page in one format, or a ZIP of all pages of a collection or a job."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from pipeline.errors import BadInput
from storage import catalogue
from storage.exports import ALL, FORMATS, export, formats_of, observed
from storage.exports.files import safe
from storage.exports.observed.selected import export_selected
from storage.exports.pages import one_page, pages_of_collection, pages_of_job
from web.api.common import etags
from web.api.common.etags import IfNoneMatch
from web.api.common.kinds import InCollection, PageId, RunId
from web.lanes import slowly
from web.problems import Problem, responses
from web.security import rates
from web.security.principal import Reader
from web.site import Site, TheSite

router = APIRouter(tags=["export"])

MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".xml": "application/xml",
    ".html": "text/html; charset=utf-8",
    ".hocr": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jp2": "image/jp2",
    ".tif": "image/tiff",
    ".zip": "application/zip",
}

_FILE = {"type": "string", "format": "binary"}
_ANY_FILE = {kind.partition(";")[0]: {"schema": _FILE} for kind in MEDIA_TYPES.values()} | {
    "application/json": {"schema": {"type": "object"}}
}

_TOGETHER = tuple(dict.fromkeys((*ALL, *observed.FORMATS)))
"""Formats of many pages; what they observed is in some of them, as on the command line."""

_CHUNK = 256 * 1024

Formats = Annotated[
    str, Query(max_length=100, description="Formats with commas between, such as `csv,json`.")
]


@router.get(
    "/pages/{page_id}/export",
    response_class=Response,
    responses={
        200: {"description": "The file, a ZIP where there are several.", "content": _ANY_FILE},
        **responses(404),
        **etags.NOT_MODIFIED,
    },
)
@slowly
def export_page(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    format: Annotated[str, Query(max_length=20, description="One format.")] = "json",  # noqa: A002
    run: RunId = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a page in one format."""
    if format not in FORMATS:
        raise BadInput("format", "no such format", f"choose from {', '.join(FORMATS)}")
    with site.reading() as connection:
        etag = etags.quoted(f"{catalogue.version(connection, page_id, run)}-{format}")
        known = etags.unchanged(if_none_match, etag)
        if known is not None:
            return known
        page = one_page(connection, page_id, run, site.store.get)
    stem = safe(page.name)
    with tempfile.TemporaryDirectory(prefix="ledgermill-export-") as folder:
        paths = FORMATS[format](page, stem, Path(folder))
        if not paths:
            raise Problem(404, f"page {page_id} has nothing that {format} could hold")
        data, suffix, file_name = _one_file(paths, stem)
    return Response(
        data,
        media_type=MEDIA_TYPES.get(suffix, "application/octet-stream"),
        headers={"ETag": etag, "Content-Disposition": attachment(file_name)},
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A ZIP.", "content": {"application/zip": {"schema": _FILE}}},
        **responses(404),
    },
)
@slowly
def export_pages(
    site: TheSite,
    who: Reader,
    formats: Formats = "csv,json",
    collection: InCollection = None,
    job: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Only of this job.")] = None,
) -> StreamingResponse:
    """Return what pages hold as a ZIP of files: of a job, of a collection, or all of them."""
    rates.count_costly(site, who)
    chosen = formats_of(formats, _TOGETHER)
    if not site.exporting.acquire(blocking=False):
        raise Problem(503, "others are being exported; try again later", {"Retry-After": "30"})
    stream = _zipped(site, chosen, collection, job)
    try:
        first = next(stream)  # what is wrong is raised before anything is sent
    except StopIteration:
        first = b""
    name = safe(collection or (f"job-{job}" if job else "pages"))
    return StreamingResponse(
        slowly.each(_behind(first, stream)),
        media_type="application/zip",
        headers={"Content-Disposition": attachment(f"{name}.zip")},
    )


def attachment(name: str) -> str:
    """Return the header that has a browser save what it gets under a name."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _one_file(paths: list[Path], stem: str) -> tuple[bytes, str, str]:
    if len(paths) == 1:
        return paths[0].read_bytes(), paths[0].suffix, paths[0].name
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as pack:
        for path in paths:
            pack.write(path, path.name)
    return packed.getvalue(), ".zip", f"{stem}.zip"


def _behind(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class _Sink(io.RawIOBase):
    """Takes what a ZIP writes, to be sent on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return data


def _zipped(
    site: Site, formats: tuple[str, ...], collection: str | None, job: int | None
) -> Iterator[bytes]:
    sink = _Sink()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="ledgermill-export-") as folder,
            site.reading() as connection,
            zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as pack,
        ):
            fetch = site.store.get
            pages = (
                pages_of_job(connection, job, fetch)
                if job is not None
                else pages_of_collection(connection, collection, fetch)
            )
            left_out: list[str] = []
            of_pages = [name for name in formats if name in ALL]
            written = (paths for _, paths in export(pages, Path(folder), of_pages, left_out))
            for paths in written if of_pages else ():
                yield from _packed(pack, sink, folder, paths)
            seen = export_selected(connection, Path(folder), formats, collection, job)
            yield from _packed(pack, sink, folder, seen.files)
            left_out += [*seen.kept_back, *seen.left_out]
            if left_out:
                pack.writestr("left-out.txt", "".join(f"{line}\n" for line in left_out))
        yield sink.taken()
    finally:
        site.exporting.release()


def _packed(
    pack: zipfile.ZipFile, sink: _Sink, folder: str, paths: Iterable[Path]
) -> Iterator[bytes]:
    """Put files into a ZIP, and yield what it has written once that is worth sending."""
    for path in paths:
        pack.write(path, path.relative_to(folder).as_posix())
        path.unlink()
        if sink.size > _CHUNK:
            yield sink.taken()
