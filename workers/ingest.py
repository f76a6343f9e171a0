"""Sources in, pages out: the client hands files over, a worker makes pages of them.

Objects come first and rows after: an object that no row names is harmless, a row without its
object is not. Each source is one transaction, so a process killed at any point leaves it untouched
and the next one does it anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Transcription
from storage import imports, jobs
from storage.imports import Kept
from storage.jobs import NewSource
from storage.objects import ObjectStore
from workers.bring import Details, bring, bring_text, check_source
from workers.fitting import fitted
from workers.settings import Settings, settings, without_password
from workers.sources import (
    FoundSource,
    IgnoredFile,
    Limits,
    PageImage,
    RefusedSource,
    RemoteSource,
    open_document,
)
from workers.sources.entry import TOLD, Entry
from workers.sources.guard import open_transcription
from workers.sources.kinds import HEAD, MEDIA_TYPES, sniff
from workers.sources.names import stem

_BATCH = 32
"""Sources listed in one transaction: workers begin with them while the client reads on."""

_FRESH_SECONDS = 86_400.0
"""What a collection got from an address a day ago or less is not asked for again."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """How many files a client handed over, refused, and ignored because they are no scans."""

    found: int = 0
    refused: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class _Source:
    """A source that is still to be taken in; `tries` is how often it was fetched in vain."""

    collection_id: int
    name: str
    sha256: str | None
    details: Details | None
    tries: int

    @property
    def page_name(self) -> str:
        """What its page is called, or what those of a document are called after."""
        return (self.details and self.details.entry.name) or stem(self.name)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a document came from and what was said of it; `fetched_at` is null for just now."""

    address: str | None = None
    fetched_at: datetime | None = None
    told: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What a collection has from an address already; `fresh` is not to be asked for again yet."""

    sha256: str
    media_type: str
    fetched_at: datetime
    fresh: bool
    mark: str | None


@dataclass(frozen=True, slots=True)
class _Page:
    """A page whose image is in the object store, under the name that it has in its document."""

    name: str
    sha256: str
    media_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a source holds, and how its page was transcribed before."""

    pages: list[_Page]
    refused: list[RefusedSource]
    transcription: Transcription | None = None


# --- the client's side --------------------------------------------------------------------------


def submit(
    connection: Connection,
    store: ObjectStore,
    job_id: int,
    sources: Iterable[FoundSource | RemoteSource | RefusedSource | IgnoredFile],
    limits: Limits | None = None,
    keep: Kept | None = None,
) -> Submitted:
    """Put the files of a job into the object store and list them, the refused ones as such.

    `keep` is as what the transcriptions are kept that come with them; None: not at all.
    What lies on other machines is listed, to be fetched by a worker. Commits in batches. A file
    that can no longer be read is refused; raises `Unavailable` where the store or its folder is.
    """
    limits = limits or Limits.of(settings())
    found = refused = ignored = 0
    batch: list[NewSource] = []
    for source in sources:
        if isinstance(source, IgnoredFile):
            ignored += 1
            continue
        listed = _handed_over(store, source, limits, keep)
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
    store: ObjectStore,
    source: FoundSource | RemoteSource | RefusedSource,
    limits: Limits,
    keep: Kept | None,
) -> NewSource:
    try:
        if isinstance(source, RemoteSource):
            details = replace(Details.from_json(source.details), keep=keep)
            check_source(settings(), details)
            return NewSource(source.name, None, None, source.address, details.to_json())
        if isinstance(source, FoundSource):
            data = source.read(limits)
            details = Details(source.entry or Entry("", ""))
            if keep and source.transcription:
                written = source.transcription.read(limits)
                digest = store.put(written, "application/xml")
                details = replace(details, keep=keep, transcription=digest)
            needed = source.entry or details.transcription
            return NewSource(
                source.name,
                store.put(data, _media_type(data)),
                details=details.to_json() if needed else None,
            )
    except BadInput as error:
        source = RefusedSource(source.name, error.reason, error.remedy)
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
    chosen = settings()
    limits = limits or Limits.of(chosen)
    source = _waiting(connection, job_id, number)
    if source is None:
        connection.rollback()
        return []
    if source.sha256 is None:
        return _fetch_source(connection, store, chosen, source, job_id, number, limits, moved)
    known = _known_pages(connection, source, source.sha256)
    connection.rollback()
    data = store.get(source.sha256)
    origin = _Origin(told=dict(source.details.entry.told) if source.details else None)
    if known and all(store.exists(page.sha256) for page in known):
        opened = _Opened(known, [])
    else:
        opened = _open(store, data, source, limits, moved)
    if source.details and source.details.transcription:
        written = store.get(source.details.transcription)
        opened = _transcribed(opened, written, source, limits)
    return _write(connection, source, _media_type(data), job_id, number, opened, origin)


def _open(
    store: ObjectStore, data: bytes, source: _Source, limits: Limits, moved: Callable[[], None]
) -> _Opened:
    """Return what a source's bytes hold, its page images in the object store.

    A source that is no page at all is its only refused part.
    """
    own = hashlib.sha256(data).hexdigest()
    pages: list[_Page] = []
    refused: list[RefusedSource] = []
    try:
        for found in open_document(data, source.name, limits):
            moved()
            if isinstance(found, RefusedSource):
                refused.append(found)
            else:
                pages.append(_put(store, found, source, own))
    except BadInput as error:
        refused.append(RefusedSource.of(error))
    return _Opened(pages, refused)


def _transcribed(opened: _Opened, data: bytes, source: _Source, limits: Limits) -> _Opened:
    """Add the transcription that came with a page; one that cannot be used is a refused part."""
    name = f"{source.name} (transcription)"
    try:
        if len(opened.pages) != 1:
            raise BadInput(name, f"it is of {len(opened.pages)} pages", "name each page by itself")
        page = opened.pages[0]
        made = fitted(open_transcription(data, name, limits), page.width, page.height)
    except BadInput as error:
        return replace(opened, refused=[*opened.refused, RefusedSource.of(error)])
    return replace(opened, transcription=made)


def _write(
    connection: Connection,
    source: _Source,
    media_type: str,
    job_id: int,
    number: int,
    opened: _Opened,
    origin: _Origin,
) -> list[int]:
    if not opened.pages:
        _refuse(connection, job_id, number, opened.refused)
        return []
    return _store(connection, source, media_type, job_id, number, opened, origin)


# --- what is still to be fetched ----------------------------------------------------------------


def _fetch_source(
    connection: Connection,
    store: ObjectStore,
    chosen: Settings,
    source: _Source,
    job_id: int,
    number: int,
    limits: Limits,
    moved: Callable[[], None],
) -> list[int]:
    """Take in a source that lies elsewhere, or list what a list there names."""
    details = source.details
    assert details is not None
    address = without_password(details.entry.address)
    earlier = _earlier(connection, source, address)
    known = _known_pages(connection, source, earlier.sha256) if earlier else []
    connection.rollback()
    if earlier and not (known and all(map(store.exists, {earlier.sha256, *_images(known)}))):
        earlier = None
    told = dict(details.entry.told)

    def as_before(earlier: _Earlier) -> list[int]:
        if earlier.mark:
            told["mark"] = earlier.mark
        origin = _Origin(address, earlier.fetched_at, told)
        same = replace(source, sha256=earlier.sha256)
        opened = _with_transcription(
            connection, chosen, source, details, _Opened(known, []), limits, moved
        )
        return _write(connection, same, earlier.media_type, job_id, number, opened, origin)

    if earlier and earlier.fresh:
        return as_before(earlier)

    def opened(data: bytes) -> tuple[tuple[int, int] | None, _Opened]:
        made = _open(store, data, source, limits, moved)
        if not made.pages and made.refused:
            refused = made.refused[0]
            raise BadInput(refused.name, refused.reason, refused.remedy)
        first = made.pages[0] if made.pages else None
        return (first.width, first.height) if first else None, made

    try:
        brought = bring(
            *(connection, chosen, details, source.name, source.tries, opened, moved),
            mark=earlier.mark if earlier else None,
        )
    except BadInput as error:
        refused = RefusedSource(source.name, error.reason, error.remedy)
        _refuse(connection, job_id, number, [refused])
        return []
    if brought.listed is not None:
        sha256 = store.put(brought.data, "text/plain") if brought.data else None
        _expand(connection, job_id, number, sha256, brought.listed)
        return []
    if brought.data is None:
        assert earlier is not None
        return as_before(earlier)
    assert isinstance(brought.opened, _Opened)
    media_type = _media_type(brought.data)
    sha256 = store.put(brought.data, media_type)
    told |= brought.said
    if brought.mark:
        told["mark"] = brought.mark
    if brought.address != details.entry.address:
        told["fetched_from"] = without_password(brought.address)
    taken = _with_transcription(connection, chosen, source, details, brought.opened, limits, moved)
    source = replace(source, sha256=sha256)
    return _write(
        connection, source, media_type, job_id, number, taken, _Origin(address, told=told)
    )


def _earlier(connection: Connection, source: _Source, address: str) -> _Earlier | None:
    row = connection.execute(
        text(
            "select sha256, media_type, fetched_at,"
            " fetched_at > clock_timestamp() - make_interval(secs => :fresh), told ->> 'mark'"
            " from mill.document where address = :address and collection_id = :collection"
            " and fetched_at is not null order by id desc limit 1"
        ),
        {"address": address, "collection": source.collection_id, "fresh": _FRESH_SECONDS},
    ).one_or_none()
    return _Earlier(*row) if row else None


def _images(pages: list[_Page]) -> set[str]:
    return {page.sha256 for page in pages}


def _with_transcription(
    connection: Connection,
    chosen: Settings,
    source: _Source,
    details: Details,
    opened: _Opened,
    limits: Limits,
    moved: Callable[[], None],
) -> _Opened:
    """Add the transcription that the list names, if it is to be kept."""
    if not details.keep or not details.entry.transcription:
        return opened
    written = _fetch_transcription(connection, chosen, details, moved)
    if isinstance(written, RefusedSource):
        return replace(opened, refused=[*opened.refused, written])
    return _transcribed(opened, written, source, limits)


def _fetch_transcription(
    connection: Connection, chosen: Settings, details: Details, moved: Callable[[], None]
) -> bytes | RefusedSource:
    try:
        return bring_text(connection, chosen, details, details.entry.transcription or "", moved)
    except BadInput as error:
        return RefusedSource.of(error)


def _expand(
    connection: Connection, job_id: int, number: int, sha256: str | None, listed: list[NewSource]
) -> None:
    """List what a list names, and that the list is done with, in one transaction."""
    if _waiting(connection, job_id, number) is None:  # another delivery was faster
        connection.rollback()
        return
    jobs.add_sources(connection, job_id, listed)
    connection.execute(
        text(
            "update mill.job_source set sha256 = :sha256 where job_id = :job and number = :number"
        ),
        {"sha256": sha256, "job": job_id, "number": number},
    )
    jobs.source_stored(connection, job_id, number, None)
    connection.commit()


def _waiting(connection: Connection, job_id: int, number: int) -> _Source | None:
    """Return a source unless it is settled; locks it for the transaction."""
    row = connection.execute(
        text(
            "select job.collection_id, s.source, s.sha256, s.details, s.postponed"
            " from mill.job_source s"
            " join mill.job on job.id = s.job_id where s.job_id = :job and s.number = :number"
            " and s.state not in ('stored', 'refused') for no key update of s"
        ),
        {"job": job_id, "number": number},
    ).one_or_none()
    if row is None:
        return None
    details = None if row.details is None else Details.from_json(row.details)
    return _Source(row.collection_id, row.source, row.sha256, details, row.postponed)


def _known_pages(connection: Connection, source: _Source, sha256: str) -> list[_Page]:
    """Return the pages that the same bytes gave before in this collection, if all of them did.

    The pages are then the same whatever the decoders of today would make of them, and no decoder
    is needed.
    """
    rows = connection.execute(
        text(
            "select d.source, d.media_type as document_type, d.told ->> 'name' as base, dp.name,"
            " image.*"
            " from mill.document_page dp join mill.document d on d.id = dp.document_id"
            " join mill.page on page.id = dp.page_id"
            " join mill.image on image.sha256 = page.image_sha256"
            " where d.id = (select max(d.id) from mill.document d where d.sha256 = :sha256"
            " and d.collection_id = :collection and not exists (select from mill.job_source s"
            " join mill.refused_entry using (job_id, number) where s.document_id = d.id))"
            " order by dp.number"
        ),
        {"sha256": sha256, "collection": source.collection_id},
    )
    pages = []
    for row in rows:
        name = row.name
        if row.document_type != MEDIA_TYPES["zip"]:  # whose pages are named after its entries
            known_as = row.base or stem(row.source)
            name = source.page_name + name.removeprefix(known_as)
        pages.append(_Page(name, row.sha256, row.media_type, row.bytes, row.width, row.height))
    return pages


def _put(store: ObjectStore, page: PageImage, source: _Source, own: str) -> _Page:
    """Store a page image, unless it is the source itself, `own`, which is stored by itself."""
    sha256 = hashlib.sha256(page.data).hexdigest()
    if sha256 != own:
        sha256 = store.put(page.data, page.media_type)
    name = page.name
    if source.details and source.details.entry.name:
        name = source.page_name + name.removeprefix(stem(source.name))
    return _Page(name, sha256, page.media_type, len(page.data), page.width, page.height)


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
    opened: _Opened,
    origin: _Origin,
) -> list[int]:
    """Write what a source holds, and that it is stored, in one transaction.

    Rows that another transaction might write as well come in the order of their digests, so that
    no two wait for each other.
    """
    if _waiting(connection, job_id, number) is None:  # another delivery was faster
        connection.rollback()
        return []
    pages = opened.pages
    document_id = _document(connection, source, media_type, origin)
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
    if opened.transcription is not None and source.details and source.details.keep:
        imports.keep(connection, work[0], source.details.keep, opened.transcription)
    before = {page_id for page_id, _ in _job_pages(connection, job_id, work)}
    jobs.add_pages(connection, job_id, work)
    after = {page_id for page_id, state in _job_pages(connection, job_id, work) if state != "done"}
    jobs.source_stored(connection, job_id, number, document_id)
    _list_refused(connection, job_id, number, opened.refused)
    connection.commit()
    return sorted(after - before)


def _document(connection: Connection, source: _Source, media_type: str, origin: _Origin) -> int:
    """Return the document of a source, made where there is none; what is said of it now counts."""
    told = dict(origin.told or {})
    if source.details and source.details.entry.name:
        told["name"] = source.details.entry.name
    named: dict[str, Any] = {name: told.pop(name, None) for name in TOLD}
    return int(
        connection.execute(
            text(
                "insert into mill.document as known (collection_id, source, sha256, media_type,"
                " address, fetched_at, station, date, title, rights, told)"
                " values (:collection, :source, :sha256, :media_type, :address,"
                " case when cast(:address as text) is not null"
                " then coalesce(cast(:fetched_at as timestamptz), clock_timestamp()) end,"
                " :station, :date, :title, :rights, cast(:told as jsonb))"
                " on conflict (collection_id, sha256, source) do update"
                " set media_type = excluded.media_type,"
                " address = coalesce(excluded.address, known.address),"
                " fetched_at = coalesce(excluded.fetched_at, known.fetched_at),"
                " station = coalesce(excluded.station, known.station),"
                " date = coalesce(excluded.date, known.date),"
                " title = coalesce(excluded.title, known.title),"
                " rights = coalesce(excluded.rights, known.rights),"
                " told = coalesce(excluded.told, known.told) returning id"
            ),
            {
                "collection": source.collection_id,
                "source": source.name,
                "sha256": source.sha256,
                "media_type": media_type,
                "address": origin.address,
                "fetched_at": origin.fetched_at,
                "told": json.dumps(told) if told else None,
                **named,
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
