"""Collections and documents."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storage import catalogue
from storage.catalogue import Collection, Document
from web.api.common.kinds import DocumentId, InCollection
from web.api.common.lists import Cursor, Limit, Listed, listed, read
from web.problems import responses
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["library"])


@router.get("/collections")
def list_collections(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[Collection]:
    """List the collections by name, with how many of their pages have been read."""
    key = read(cursor, str)
    with site.reading() as connection:
        found = catalogue.collections(connection, str(key[0]) if key else None, limit + 1)
    return listed(found, limit, lambda each: [each.name], request, response)


@router.get("/documents")
def list_documents(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    collection: InCollection = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[Document]:
    """List documents: the files that pages were found in, in the order in which they came."""
    key = read(cursor, int)
    with site.reading() as connection:
        found = catalogue.documents(connection, collection, int(key[0]) if key else 0, limit + 1)
    return listed(found, limit, lambda each: [each.id], request, response)


@router.get("/documents/{document_id}", responses=responses(404))
def get_document(site: TheSite, _who: Reader, document_id: DocumentId) -> Document:
    """Say what is known of one document; its pages in order are in its IIIF manifest."""
    with site.reading() as connection:
        return catalogue.document(connection, document_id)
