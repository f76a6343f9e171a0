"""Content Search API 2.0: words and numbers within one document."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import text

from pipeline.page import as_polygon
from storage import catalogue
from storage.languages import quoted
from web.api.common import etags
from web.api.common.kinds import DocumentId
from web.api.common.lists import Cursor, read, write
from web.iiif.common import JSON_LD_TYPES, base, json_ld
from web.iiif.presentation import annotation
from web.lanes import searching
from web.problems import responses
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["IIIF"])

CONTEXT = "http://iiif.io/api/search/2/context.json"
_AT_ONCE = 500
_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})")

_HITS = """
    with here as (
        select place.number, transcription.id as transcription_id, page.id as page_id,
            websearch_to_tsquery(collection.language, mill.search_text(:query)) as asked,
            collection.language
        from mill.document_page as place
        join mill.page on page.id = place.page_id
        join mill.collection on collection.id = page.collection_id
        join mill.transcription on transcription.page_id = page.id
            and transcription.run_id = page.current_run_id
        where place.document_id = :document and place.number >= :number
    ),
    found as (
        select here.number as place, here.page_id, -1 as a, line.number as b, 0 as c,
            'lines/' || line.number as name, line.text, line.polygon
        from here join mill.line on line.transcription_id = here.transcription_id
        where line.search @@ case line.language when here.language then here.asked
            else websearch_to_tsquery(line.language, mill.search_text(:query)) end
        union all
        select here.number, here.page_id, cell."table", cell."row", cell."column",
            'cells/' || concat_ws('-', cell."table", cell."row", cell."column"), cell.text,
            cell.polygon
        from here join mill.cell on cell.transcription_id = here.transcription_id
        where cell.search @@ here.asked
            or cell.value = cast(:value as double precision)
    )
    select * from found where (place, a, b, c) > (:number, :a, :b, :c)
    order by place, a, b, c limit :limit
"""


@router.get(
    "/search/{document_id}",
    responses={
        200: {
            "description": "Annotations",
            "content": JSON_LD_TYPES,
        },
        **responses(404),
    },
    response_class=Response,
)
@searching
def search(
    site: TheSite,
    _who: Reader,
    document_id: DocumentId,
    request: Request,
    q: Annotated[str, Query(max_length=1000, description="Words that must all occur.")] = "",
    cursor: Cursor = None,
) -> Response:
    """Find lines and cells of a document, in its order, as annotations of its canvases."""
    key = read(cursor, int, int, int, int) or [-1, -2, -1, -1]
    number, a, b, c = map(int, key)
    asked = q.replace("\x00", " ").strip()
    value = asked.replace("−", "-").replace("·", ".")
    with site.reading() as connection:
        catalogue.document(connection, document_id)
        rows = connection.execute(
            text(_HITS),
            {
                "query": quoted(asked),
                "value": float(value) if _NUMBER.fullmatch(value) else None,
                "document": document_id,
                "number": number,
                "a": a,
                "b": b,
                "c": c,
                "limit": _AT_ONCE + 1,
            },
        ).all()
    address = f"{base(site, request)}/iiif/presentation/{document_id}"
    items = [
        annotation(
            address,
            row.page_id,
            row.name,
            row.text,
            as_polygon(zip(row.polygon[::2], row.polygon[1::2], strict=True)),
        )
        for row in rows[:_AT_ONCE]
    ]
    here = f"{base(site, request)}{request.url.path}"
    body: dict[str, Any] = {
        "@context": CONTEXT,
        "id": f"{here}?{request.url.query}" if request.url.query else here,
        "type": "AnnotationPage",
        # What cannot be asked for here is passed over, as the specification wants it said.
        "ignored": [
            name for name in ("motivation", "date", "user") if name in request.query_params
        ],
        "items": items,
    }
    if not body["ignored"]:
        del body["ignored"]
    if len(rows) > _AT_ONCE:
        last = rows[_AT_ONCE - 1]
        url = request.url.include_query_params(cursor=write([last.place, last.a, last.b, last.c]))
        body["next"] = {"id": f"{here}?{url.query}", "type": "AnnotationPage"}
    etag = etags.quoted(hashlib.sha256(repr(body).encode()).hexdigest()[:32])
    return json_ld(request, CONTEXT, body, etag)
