"""Sources in, pages out: the client hands files over, a worker makes pages of them.

Objects come first and rows after: an object that no row names is harmless, a row without its
object is not. Each source is one transaction, so a process killed at any point leaves it untouched
and the next one does it anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage import jobs
from storage.jobs import NewSource
from storage.objects import ObjectStore
from workers.settings import settings
from workers.sources import (
    FoundSource,
    IgnoredFile,
    Limits,
    PageImage,
    RefusedSource,
    open_document,
)
from workers.sources.kinds import HEAD, MEDIA_TYPES, sniff
from workers.sources.names import stem

_BATCH = 32
"""Sources listed in one transaction: workers begin with them while the client reads on."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """How many files a client handed over, refused, and ignored because they are no scans."""

    found: int = 0
    refused: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class _Source:
    """A source that is still to be taken in."""

    collection_id: int
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Page:
    """A page whose image is in the object store, under the name that it has in its document."""

    name: str
    sha256: str
    media_type: str
    size: int
    width: int
    height: int


# --- the client's side --------------------------------------------------------------------------


def submit(
    connection: Connection,
    store: ObjectStore,
    job_id: int,
    sources: Iterable[FoundSource | RefusedSource | IgnoredFile],
    limits: Limits | None = None,
) -> Submitted:
    """Put the files of a job into the object store and list them, the refused ones as such.

    Commits in batches. A file that can no longer be read is refused; raises `Unavailable` where
    the store or its folder is.
    """
    limits = limits or Limits.of(settings())
    found = refused = ignored = 0
    batch: list[NewSource] = []
    for source in sources:
        if isinstance(source, IgnoredFile):
            ignored += 1
            continue
        listed = _handed_over(store, source, limits)
        found += listed.reason is None
        refused += listed.reason is not None
        batch.append(listed)
        if len(batch) >= _BATCH:
            jobs.add_sources(connection, job_id, batch)
            connection.commit()
            batch = []
    jobs.add_sources(connection, job_id, batch)
    connection.commit()
    return Submitted(found, refused, ignored)


def _handed_over(
    store: ObjectStore, source: FoundSource | RefusedSource, limits: Limits
) -> NewSource:
    if isinstance(source, FoundSource):
        try:
            data = source.read(limits)
        except BadInput as error:
            source = RefusedSource.of(error)
        else:
            return NewSource(source.name, store.put(data, _media_type(data)))
    return NewSource(source.name, None, _reason(source))


# --- the worker's side --------------------------------------------------------------------------


def ingest_source(
    connection: Connection,
    store: ObjectStore,
    job_id: int,
    number: int,
    limits: Limits | None = None,
    moved: Callable[[], None] = lambda: None,
) -> list[int]:
    """Make the pages of one listed source, and return those that are new work in this job.

    `connection` has no transaction open, and has none afterwards; none is held while the source
    is read. A source that was taken in or refused before stays as it is, and so does a page that
    the collection has already; one that the job's run has read is no new work. A source that is
    no page becomes `refused`, a part of one that is none is listed as refused itself. `moved` is
    called for every page. Raises `Unavailable` where the object store is.
    """
    limits = limits or Limits.of(settings())
    source = _waiting(connection, job_id, number)
    known = _known_pages(connection, source) if source else []
    connection.rollback()
    if source is None:
        return []
    if known and all(store.exists(page.sha256) for page in known):
        data = store.get(source.sha256)
        return _store(connection, source, _media_type(data), job_id, number, known, [])
    data = store.get(source.sha256)
    pages: list[_Page] = []
    refused: list[RefusedSource] = []
    try:
        for found in open_document(data, source.name, limits):
            moved()
            if isinstance(found, RefusedSource):
                refused.append(found)
            else:
                pages.append(_put(store, found, source.sha256))
    except BadInput as error:
        refused.append(RefusedSource.of(error))
    if not pages:
        _refuse(connection, job_id, number, refused)
        return []
    return _store(connection, source, _media_type(data), job_id, number, pages, refused)


def _waiting(connection: Connection, job_id: int, number: int) -> _Source | None:
    """Return a source unless it is settled; locks it for the transaction."""
    row = connection.execute(
        text(
            "select job.collection_id, s.source, s.sha256 from mill.job_source s"
            " join mill.job on job.id = s.job_id where s.job_id = :job and s.number = :number"
            " and s.state not in ('stored', 'refused') for no key update of s"
        ),
        {"job": job_id, "number": number},
    ).one_or_none()
    return _Source(*row) if row else None


def _known_pages(connection: Connection, source: _Source) -> list[_Page]:
    """Return the pages that the same bytes gave before in this collection, if all of them did.

    The pages are then the same whatever the decoders of today would make of them, and no decoder
    is needed.
    """
    rows = connection.execute(
        text(
            "select d.source, d.media_type as document_type, dp.name, image.*"
            " from mill.document_page dp join mill.document d on d.id = dp.document_id"
            " join mill.page on page.id = dp.page_id"
            " join mill.image on image.sha256 = page.image_sha256"
            " where d.id = (select max(d.id) from mill.document d where d.sha256 = :sha256"
            " and d.collection_id = :collection and not exists (select from mill.job_source s"
            " join mill.refused_entry using (job_id, number) where s.document_id = d.id))"
            " order by dp.number"
        ),
        {"sha256": source.sha256, "collection": source.collection_id},
    )
    pages = []
    for row in rows:
        name = row.name
        if row.document_type != MEDIA_TYPES["zip"]:  # whose pages are named after its entries
            name = stem(source.name) + name.removeprefix(stem(row.source))
        pages.append(_Page(name, row.sha256, row.media_type, row.bytes, row.width, row.height))
    return pages


def _put(store: ObjectStore, page: PageImage, source_sha256: str) -> _Page:
    """Store a page image, unless it is the source itself, which is stored already."""
    sha256 = hashlib.sha256(page.data).hexdigest()
    if sha256 != source_sha256:
        sha256 = store.put(page.data, page.media_type)
    return _Page(page.name, sha256, page.media_type, len(page.data), page.width, page.height)


def _refuse(connection: Connection, job_id: int, number: int, refused: list[RefusedSource]) -> None:
    """Refuse a source without a page: for the reason that its parts share, or list them all."""
    reasons = {_reason(part) for part in refused}
    if len(reasons) == 1:
        reason = reasons.pop()
        if len(refused) > 1:
            reason = f"none of its {len(refused)} parts can be read: {reason}"
        refused = []
    else:
        reason = "none of its parts can be read; see the reason of each"
        if not refused:
            reason = "it holds no page; pack the scans into it"
    if _waiting(connection, job_id, number):
        jobs.source_refused(connection, job_id, number, reason)
        _list_refused(connection, job_id, number, refused)
    connection.commit()


def _store(
    connection: Connection,
    source: _Source,
    media_type: str,
    job_id: int,
    number: int,
    pages: list[_Page],
    refused: list[RefusedSource],
) -> list[int]:
    """Write what a source holds, and that it is stored, in one transaction.

    Rows that another transaction might write as well come in the order of their digests, so that
    no two wait for each other.
    """
    if _waiting(connection, job_id, number) is None:  # another delivery was faster
        connection.rollback()
        return []
    document_id = _document(connection, source, media_type)
    page_ids = _pages(connection, source.collection_id, pages)
    connection.execute(
        text(
            "insert into mill.document_page (document_id, number, page_id, name)"
            " select :document, number - 1, page_id, name"
            " from unnest(cast(:pages as bigint[]), cast(:names as text[]))"
            " with ordinality as new (page_id, name, number)"
            " on conflict (document_id, number) do update"
            " set page_id = excluded.page_id, name = excluded.name"
        ),
        {
            "document": document_id,
            "pages": [page_ids[page.sha256] for page in pages],
            "names": [page.name for page in pages],
        },
    )
    work = sorted(set(page_ids.values()))
    before = {page_id for page_id, _ in _job_pages(connection, job_id, work)}
    jobs.add_pages(connection, job_id, work)
    after = {page_id for page_id, state in _job_pages(connection, job_id, work) if state != "done"}
    jobs.source_stored(connection, job_id, number, document_id)
    _list_refused(connection, job_id, number, refused)
    connection.commit()
    return sorted(after - before)


def _document(connection: Connection, source: _Source, media_type: str) -> int:
    return int(
        connection.execute(
            text(
                "insert into mill.document (collection_id, source, sha256, media_type)"
                " values (:collection, :source, :sha256, :media_type)"
                " on conflict (collection_id, sha256, source)"
                " do update set media_type = excluded.media_type returning id"
            ),
            {
                "collection": source.collection_id,
                "source": source.name,
                "sha256": source.sha256,
                "media_type": media_type,
            },
        ).scalar_one()
    )


def _pages(connection: Connection, collection_id: int, pages: list[_Page]) -> dict[str, int]:
    """Add the images and pages that are not there yet; return the pages' ids by digest."""
    unique = sorted({page.sha256: page for page in reversed(pages)}.items())
    digests = [sha256 for sha256, _ in unique]
    connection.execute(
        text(
            "insert into mill.image (sha256, media_type, bytes, width, height)"
            " select * from unnest(cast(:digests as text[]), cast(:types as text[]),"
            " cast(:sizes as bigint[]), cast(:widths as int[]), cast(:heights as int[]))"
            " on conflict do nothing"
        ),
        {
            "digests": digests,
            "types": [page.media_type for _, page in unique],
            "sizes": [page.size for _, page in unique],
            "widths": [page.width for _, page in unique],
            "heights": [page.height for _, page in unique],
        },
    )
    connection.execute(
        text(
            "insert into mill.page (collection_id, image_sha256, name)"
            " select :collection, * from unnest(cast(:digests as text[]), cast(:names as text[]))"
            " on conflict do nothing"
        ),
        {
            "collection": collection_id,
            "digests": digests,
            "names": [page.name for _, page in unique],
        },
    )
    rows = connection.execute(
        text(
            "select image_sha256, id from mill.page"
            " where collection_id = :collection and image_sha256 = any(:digests)"
        ),
        {"collection": collection_id, "digests": digests},
    )
    return {row.image_sha256: row.id for row in rows}


def _job_pages(connection: Connection, job_id: int, page_ids: list[int]) -> list[tuple[int, str]]:
    rows = connection.execute(
        text(
            "select page_id, state from mill.job_page where job_id = :job and page_id = any(:pages)"
        ),
        {"job": job_id, "pages": page_ids},
    )
    return [(row.page_id, row.state) for row in rows]


def _list_refused(
    connection: Connection, job_id: int, number: int, refused: list[RefusedSource]
) -> None:
    if refused:
        connection.execute(
            text(
                "insert into mill.refused_entry (job_id, number, entry, reason)"
                " select :job, :number, * from unnest(cast(:entries as text[]),"
                " cast(:reasons as text[])) on conflict do nothing"
            ),
            {
                "job": job_id,
                "number": number,
                "entries": [part.name for part in refused],
                "reasons": [_reason(part) for part in refused],
            },
        )


def _reason(refused: RefusedSource) -> str:
    return f"{refused.reason}; {refused.remedy}"


def _media_type(data: bytes) -> str:
    kind = sniff(data[:HEAD])
    return MEDIA_TYPES[kind] if kind else "application/octet-stream"
