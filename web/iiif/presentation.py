"""Presentation API 3.0: a manifest for each document, what was read as W3C annotations.

Each page is a canvas as large as its scan. Its lines and cells are annotation pages of their own,
so that a manifest stays small; its ALTO is linked from `seeAlso`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Polygon
from storage import catalogue
from storage.catalogue import Document, FoundCell, FoundLine, Page
from web.api.common import etags
from web.api.common.kinds import DocumentId, PageId
from web.iiif.common import JSON_LD_TYPES, base, json_ld
from web.problems import responses
from web.security.principal import Reader
from web.site import Site, TheSite

router = APIRouter(tags=["IIIF"])

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
_SEARCH = "http://iiif.io/api/search/2/context.json"
_MOST_ANNOTATIONS = 20_000

_JSON_LD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON-LD",
        "content": JSON_LD_TYPES,
    },
    **responses(404),
    **etags.NOT_MODIFIED,
}


@router.get("/presentation/{document_id}/manifest", responses=_JSON_LD, response_class=Response)
def get_manifest(
    site: TheSite, _who: Reader, document_id: DocumentId, request: Request
) -> Response:
    """Return a document as a IIIF manifest: its pages in order, each with what was read on it."""
    with site.reading() as connection:
        document = catalogue.document(connection, document_id)
        pages = [page for _, page in catalogue.pages_of_document(connection, document_id)]
    etag = etags.quoted(f"manifest-{document_id}-{len(pages)}-{sum(bool(p.run_id) for p in pages)}")
    known = etags.unchanged(request.headers.get("if-none-match"), etag)
    if known is not None:
        return known
    body = manifest(base(site, request), document, pages)
    return json_ld(request, CONTEXT, body, etag)


@router.get(
    "/presentation/{document_id}/pages/{page_id}/lines", responses=_JSON_LD, response_class=Response
)
def get_lines(
    site: TheSite, _who: Reader, document_id: DocumentId, page_id: PageId, request: Request
) -> Response:
    """Return the lines of a page outside its tables, as annotations of its canvas."""
    return _read_on(site, request, document_id, page_id, "lines")


@router.get(
    "/presentation/{document_id}/pages/{page_id}/cells", responses=_JSON_LD, response_class=Response
)
def get_cells(
    site: TheSite, _who: Reader, document_id: DocumentId, page_id: PageId, request: Request
) -> Response:
    """Return the cells of a page's tables that hold text, as annotations of its canvas."""
    return _read_on(site, request, document_id, page_id, "cells")


def _read_on(
    site: Site,
    request: Request,
    document_id: int,
    page_id: int,
    kind: Literal["lines", "cells"],
) -> Response:
    """Return what was read on a page, of one kind, as annotations of its canvas."""
    find = catalogue.lines if kind == "lines" else catalogue.cells
    with site.reading() as connection:
        _check_place(connection, document_id, page_id)
        etag = etags.quoted(f"{document_id}-{catalogue.version(connection, page_id)}-{kind}")
        known = etags.unchanged(request.headers.get("if-none-match"), etag)
        if known is not None:
            return known
        found = find(connection, page_id=page_id, limit=_MOST_ANNOTATIONS)
    address = f"{base(site, request)}/iiif/presentation/{document_id}"
    return json_ld(request, CONTEXT, _annotations(address, page_id, kind, found), etag)


def manifest(site: str, document: Document, pages: Iterable[Page]) -> dict[str, Any]:
    """Return the manifest of a document on a site of that address."""
    address = f"{site}/iiif/presentation/{document.id}"
    return {
        "@context": [_SEARCH, CONTEXT],
        "id": f"{address}/manifest",
        "type": "Manifest",
        "label": {"none": [document.source]},
        "metadata": [
            {"label": {"en": ["Collection"]}, "value": {"none": [document.collection]}},
            {"label": {"en": ["File"]}, "value": {"none": [document.source]}},
        ],
        "service": [{"id": f"{site}/iiif/search/{document.id}", "type": "SearchService2"}],
        "items": [_canvas(site, address, page) for page in pages],
    }


def canvas_id(address: str, page_id: int) -> str:
    """Return the name of a page's canvas in the manifest below an address."""
    return f"{address}/canvas/{page_id}"


def annotation(
    address: str, page_id: int, name: str, text_: str, polygon: Polygon
) -> dict[str, Any]:
    """Return what was read at a place of a page, as an annotation of its canvas."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    left, top = max(0, int(min(xs))), max(0, int(min(ys)))
    width, height = max(1, round(max(xs)) - left), max(1, round(max(ys)) - top)
    return {
        "id": f"{address}/pages/{page_id}/{name}",
        "type": "Annotation",
        "motivation": "supplementing",
        "body": {"type": "TextualBody", "value": text_, "format": "text/plain"},
        "target": f"{canvas_id(address, page_id)}#xywh={left},{top},{width},{height}",
    }


def _canvas(site: str, address: str, page: Page) -> dict[str, Any]:
    name = canvas_id(address, page.id)
    image = f"{site}/iiif/image/{page.id}"
    service = [{"id": image, "type": "ImageService3", "profile": "level2"}]
    size = {"width": page.width, "height": page.height}
    scale = min(1.0, 240 / max(page.width, page.height))
    small = {
        "width": max(1, round(page.width * scale)),
        "height": max(1, round(page.height * scale)),
    }
    canvas: dict[str, Any] = {
        "id": name,
        "type": "Canvas",
        "label": {"none": [page.name]},
        **size,
        "thumbnail": [
            {
                "id": f"{image}/full/{small['width']},{small['height']}/0/default.jpg",
                "type": "Image",
                "format": "image/jpeg",
                **small,
                "service": service,
            }
        ],
        "items": [
            {
                "id": f"{name}/scan",
                "type": "AnnotationPage",
                "items": [
                    {
                        "id": f"{name}/scan/1",
                        "type": "Annotation",
                        "motivation": "painting",
                        "target": name,
                        "body": {
                            "id": f"{image}/full/max/0/default.jpg",
                            "type": "Image",
                            "format": "image/jpeg",
                            **size,
                            "service": service,
                        },
                    }
                ],
            }
        ],
    }
    if page.run_id is not None:
        canvas["annotations"] = [
            {
                "id": f"{address}/pages/{page.id}/{kind}",
                "type": "AnnotationPage",
                "label": {"en": [label]},
            }
            for kind, label in (("lines", "Lines"), ("cells", "Cells of tables"))
        ]
        canvas["seeAlso"] = [
            {
                "id": f"{site}/api/v1/pages/{page.id}/export?format=alto",
                "type": "Dataset",
                "label": {"en": ["ALTO"]},
                "format": "application/xml",
                "profile": "http://www.loc.gov/standards/alto/ns-v4#",
            },
            {
                "id": f"{site}/api/v1/pages/{page.id}/transcription",
                "type": "Dataset",
                "label": {"en": ["Page object"]},
                "format": "application/json",
            },
        ]
    return canvas


def _annotations(
    address: str, page_id: int, kind: str, found: Iterable[FoundLine | FoundCell]
) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": f"{address}/pages/{page_id}/{kind}",
        "type": "AnnotationPage",
        "items": [
            annotation(address, page_id, f"{kind}/{_number(each)}", each.text, each.polygon)
            for each in found
            if each.text
        ],
    }


def _number(found: FoundLine | FoundCell) -> str:
    if isinstance(found, FoundLine):
        return str(found.number)
    return f"{found.table}-{found.row}-{found.column}"


def _check_place(connection: Connection, document_id: int, page_id: int) -> None:
    known = connection.execute(
        text("select from mill.document_page where document_id = :document and page_id = :page"),
        {"document": document_id, "page": page_id},
    )
    if not known.all():
        raise BadInput(f"page {page_id}", f"no such page in document {document_id}", "see there")
