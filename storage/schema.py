"""The tables, in Postgres schema `mill`; the views that people query are in `public`.

The private schema keeps the read-only role out of everything but the published views
`pages`, `lines`, `regions`, `cells` and `observations` (`storage.views`). Polygons are eight reals,
x and y of the four corners in order. Times are `timestamptz`. Identifiers are 64-bit; an image is
its SHA-256.

The tables are made by `migrations`: a change here needs the same change there, and
`tests/storage/test_database.py` fails where the two differ.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Interval,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "mill"

# How tables are stored, by how they change. A row that stays on its block when it changes needs no
# new entries in the indexes: some of each block is left free for that.
_CHANGES_OFTEN = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_analyze_scale_factor": 0.02,
}
_CHANGES_ONCE = {"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.05}
_COMES_AND_GOES = {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000}

_SEARCH = "to_tsvector(language, mill.search_text(text))"
_HAS_WORDS = text("search is not null")
_HAS_VALUE = text("value is not null")

_FAILS = (
    "checks && array['sum:fail', 'mean:fail', 'midpoint:fail', 'difference:fail', 'running:fail',"
    " 'step:fail', 'copy:fail', 'carry:fail']"
)
DOUBTFUL = f"(status in ('doubtful', 'rejected') or status <> 'verified' and {_FAILS})"
"""Cells that are at odds with their column or with what must add up, as a condition."""

UNSURE = f"confidence < 0.9 and status in ('plain', 'repaired', 'inferred') and not {_FAILS}"
"""Other cells that were read without being sure, as a condition."""

_IS_DOUBTFUL, _IS_UNSURE = text(DOUBTFUL), text(UNSURE)
_LINE_UNSURE = text("confidence < 0.9")


class Base(DeclarativeBase):
    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        },
    )
    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        float: REAL,
        datetime: DateTime(timezone=True),
        timedelta: Interval,
        dict[str, Any]: JSONB,
    }


def _id() -> Mapped[int]:
    return mapped_column(Identity(always=True), primary_key=True)


def _created() -> Mapped[datetime]:
    return mapped_column(server_default=func.clock_timestamp())


class Collection(Base):
    """A set of documents that belong together and share a language."""

    __tablename__ = "collection"
    id: Mapped[int] = _id()
    name: Mapped[str] = mapped_column(unique=True)
    language: Mapped[str] = mapped_column(REGCONFIG, server_default=text("'simple'::regconfig"))
    created_at: Mapped[datetime] = _created()


class CollectionLanguage(Base):
    """A language other than the collection's that lines of it have, and are searched in."""

    __tablename__ = "collection_language"
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id), primary_key=True)
    language: Mapped[str] = mapped_column(REGCONFIG, primary_key=True)


class Image(Base):
    """An object in the store, addressed by the SHA-256 of its bytes (64 hex digits)."""

    __tablename__ = "image"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    bytes: Mapped[int]
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = _created()


class Document(Base):
    """One source file as found: a photograph, a PDF, a TIFF, a ZIP; `source` is its name.

    Where it came from: `address` and `fetched_at` of what came over a network, and what whoever
    named it said of it; `told` holds the rest of that (label, list, ...).
    """

    __tablename__ = "document"
    id: Mapped[int] = _id()
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id))
    source: Mapped[str]
    sha256: Mapped[str]
    media_type: Mapped[str]
    created_at: Mapped[datetime] = _created()
    address: Mapped[str | None]
    fetched_at: Mapped[datetime | None]
    station: Mapped[str | None]
    date: Mapped[str | None]
    title: Mapped[str | None]
    rights: Mapped[str | None]
    told: Mapped[dict[str, Any] | None]
    __table_args__ = (
        UniqueConstraint("collection_id", "sha256", "source"),
        Index(
            "document_address_idx",
            "address",
            postgresql_using="hash",
            postgresql_where=text("address is not null"),
        ),
    )


class Page(Base):
    """One page image of a collection; the same bytes twice are one page.

    `name` is what the page was first called; other documents may call it otherwise
    (`DocumentPage.name`). `current_run_id` names the run whose transcription stands for the page,
    `current_asked_at` is when somebody asked for that: what was asked for before does not replace
    it, however late it is read.
    """

    __tablename__ = "page"
    id: Mapped[int] = _id()
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id))
    image_sha256: Mapped[str] = mapped_column(ForeignKey(Image.sha256))
    name: Mapped[str]
    current_run_id: Mapped[int | None] = mapped_column(ForeignKey("mill.run.id"))
    current_asked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = _created()
    __table_args__ = (
        UniqueConstraint("collection_id", "image_sha256"),
        Index(None, "current_run_id"),
        Index("page_name_idx", "collection_id", "name"),
        {"postgresql_with": _CHANGES_ONCE},
    )


class DocumentPage(Base):
    """Where a page stands in a document, counting from 0, and what it is called there."""

    __tablename__ = "document_page"
    document_id: Mapped[int] = mapped_column(ForeignKey(Document.id), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), index=True)
    name: Mapped[str]


class Run(Base):
    """A way of reading: a profile, the digest of its weights, and the code's version.

    `name` is how people call it.
    """

    __tablename__ = "run"
    id: Mapped[int] = _id()
    profile: Mapped[str]
    weights_digest: Mapped[str]
    code_version: Mapped[str]
    settings: Mapped[dict[str, Any]]
    name: Mapped[str] = mapped_column(
        Computed("profile || '@' || left(weights_digest, 8) || '+' || code_version", persisted=True)
    )
    created_at: Mapped[datetime] = _created()
    __table_args__ = (UniqueConstraint("profile", "weights_digest", "code_version"),)


class Job(Base):
    """What somebody asked for. Lower `priority` numbers go first.

    `listed_at` is when the client last named sources; while the job is `ingesting`, more may come.
    `served_at` is when a worker last took a shard of it: of equally urgent jobs the one that waits
    longest is next.
    """

    __tablename__ = "job"
    id: Mapped[int] = _id()
    kind: Mapped[str]
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey(Run.id), index=True)
    state: Mapped[str] = mapped_column(server_default="ingesting")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = _created()
    listed_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("kind in ('ingest', 'reprocess', 'export')", name="kind"),
        CheckConstraint("state in ('ingesting', 'running', 'done', 'failed')", name="state"),
    )


class Trouble(Base):
    """What a job meets again and again; the row goes once a page is read, or a source stored.

    `failures` counts in a row, `tried` are the pages or sources that were set aside meanwhile. Once
    there are too many (`storage.jobs.trouble`) the job is held until `held_until`, for the time
    that `holds` says how often.
    """

    __tablename__ = "trouble"
    job_id: Mapped[int] = mapped_column(ForeignKey(Job.id), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    tried: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    holds: Mapped[int] = mapped_column(Integer, server_default="0")
    held_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = _created()
    __table_args__ = (CheckConstraint("kind in ('ingest', 'digitize')", name="kind"),)


class JobSource(Base):
    """What became of one source file of a job; `reason` says why it was refused.

    `sha256` addresses the file's bytes in the object store (null where they were refused before
    being stored, or are still to be fetched from `address`); `details` is what else is known of it
    (`workers.sources.entry.Entry`). Attempts, shard, heartbeat and delay are as in `JobPage`;
    `postponed` counts the tries that came to nothing without anybody having died.
    """

    __tablename__ = "job_source"
    job_id: Mapped[int] = mapped_column(ForeignKey(Job.id), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[str]
    sha256: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    reason: Mapped[str | None]
    document_id: Mapped[int | None] = mapped_column(ForeignKey(Document.id))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    shard: Mapped[str | None]
    heartbeat_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    address: Mapped[str | None]
    details: Mapped[dict[str, Any] | None]
    postponed: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    __table_args__ = (
        CheckConstraint(
            "state in ('pending', 'queued', 'running', 'stored', 'refused')", name="state"
        ),
        Index(
            "job_source_pending_idx",
            "job_id",
            "number",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "job_source_moving_idx",
            "shard",
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        Index(
            "job_source_refused_idx",
            "job_id",
            "number",
            postgresql_where=text("state = 'refused'"),
        ),
        Index("job_source_document_idx", "document_id"),
        {"postgresql_with": _CHANGES_OFTEN},
    )


class RemoteHost(Base):
    """When the next request may go to a host: all workers together keep its pace."""

    __tablename__ = "remote_host"
    host: Mapped[str] = mapped_column(primary_key=True)
    free_at: Mapped[datetime]


class RefusedEntry(Base):
    """A part of a stored source that was refused: an entry of a ZIP, a page of a PDF or TIFF."""

    __tablename__ = "refused_entry"
    job_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    entry: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "number"], [JobSource.job_id, JobSource.number]),
    )


class JobPage(Base):
    """One page's work within a job: the row that the queue's messages only point at.

    `attempts` is counted before the work starts. `shard` is the token of the message that holds
    the page while it is `queued` or `running`; `heartbeat_at` is when a worker last said so (when
    it was queued, until one does). `shard_limit` is how many pages its next shard may hold at
    most: null until a shard that it was in failed, then ever fewer until the page is alone.
    """

    __tablename__ = "job_page"
    job_id: Mapped[int] = mapped_column(ForeignKey(Job.id), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), primary_key=True)
    state: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    shard: Mapped[str | None]
    shard_limit: Mapped[int | None] = mapped_column(SmallInteger)
    heartbeat_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(
            "state in ('pending', 'queued', 'running', 'done', 'quarantined')", name="state"
        ),
        Index(
            "job_page_pending_idx",
            "job_id",
            "page_id",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "job_page_moving_idx",
            "shard",
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        {"postgresql_with": _CHANGES_OFTEN},
    )


class JobCount(Base):
    """By how much the work of a job in one state grew or shrank; the sum is how much there is.

    Rows are only ever added, by triggers in the transaction that changes `JobSource` or `JobPage`:
    so nobody waits for a counter that another holds, and what is rolled back was never counted.
    `storage.jobs.counting` puts them together now and then.
    """

    __tablename__ = "job_count"
    id: Mapped[int] = _id()
    job_id: Mapped[int]
    kind: Mapped[str]
    state: Mapped[str]
    n: Mapped[int]
    __table_args__ = (
        CheckConstraint("kind in ('ingest', 'digitize')", name="kind"),
        Index(None, "job_id"),
        {"postgresql_with": _COMES_AND_GOES},
    )


class Attempt(Base):
    """One try at one page: who, when, and how it ended (`outcome` is null while it runs).

    `pages` is how many pages were tried together: 1 means that this page alone is to blame.
    """

    __tablename__ = "attempt"
    job_id: Mapped[int] = mapped_column(ForeignKey(Job.id), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    worker: Mapped[str]
    pages: Mapped[int] = mapped_column(SmallInteger)
    started_at: Mapped[datetime] = _created()
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    __table_args__ = (
        CheckConstraint(
            "outcome in ('done', 'failed', 'unavailable', 'died', 'returned')", name="outcome"
        ),
        {"postgresql_with": _CHANGES_ONCE},
    )


class Quarantine(Base):
    """A page set aside with its reason, until somebody retries or forgets it."""

    __tablename__ = "quarantine"
    job_id: Mapped[int] = mapped_column(ForeignKey(Job.id), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[datetime] = _created()


class Transcription(Base):
    """What one run read on one page; never overwritten.

    `confidence` is the mean over its lines and its cells that hold text, null where there is none.
    `regions` are as in the published page object, null where nobody looked for any.
    """

    __tablename__ = "transcription"
    id: Mapped[int] = _id()
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id))
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id), index=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    angle: Mapped[float]
    confidence: Mapped[float | None]
    created_at: Mapped[datetime] = _created()
    regions: Mapped[list[Any] | None] = mapped_column(JSONB)
    __table_args__ = (UniqueConstraint("page_id", "run_id"),)


class Line(Base):
    """One line of text outside tables; `raw` to `tagged` are as in the published page object.

    A trigger makes `search`, by `language`: that of the line (`bcp47`) where it is known, else the
    collection's. `region` is an index into the transcription's. `alternatives` are pairs of text
    and logprob, best first. Like `Cell` in partitions by transcription (`storage.partitions`), and
    without a foreign key, whose look-up for every row would slow writing down: a trigger deletes
    the lines and cells of deleted transcriptions.
    """

    __tablename__ = "line"
    transcription_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    region: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str]
    confidence: Mapped[float]
    status: Mapped[str] = mapped_column(server_default="plain")
    polygon: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    alternatives: Mapped[list[Any]] = mapped_column(JSONB)
    language: Mapped[str] = mapped_column(REGCONFIG)
    search: Mapped[str] = mapped_column(TSVECTOR)
    raw: Mapped[str | None]
    joined: Mapped[str | None]
    bcp47: Mapped[str | None]
    script: Mapped[str | None]
    tagged: Mapped[list[Any] | None] = mapped_column(JSONB)
    __table_args__ = (
        CheckConstraint("status in ('plain', 'rejected')", name="status"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("cardinality(polygon) = 8", name="polygon"),
        Index("line_search_idx", "search", postgresql_using="gin"),
        Index("line_unsure_idx", "confidence", postgresql_where=_LINE_UNSURE),
        {"postgresql_partition_by": "range (transcription_id)"},
    )


class Table(Base):
    """One table of a page, by its 0-based number among the page's tables."""

    __tablename__ = "table"
    transcription_id: Mapped[int] = mapped_column(
        ForeignKey(Transcription.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    rows: Mapped[int] = mapped_column(Integer)
    columns: Mapped[int] = mapped_column(Integer)
    header_rows: Mapped[int] = mapped_column(Integer)
    polygon: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    relations: Mapped[list[Any]] = mapped_column(JSONB)


class Cell(Base):
    """One cell of a table, by 0-based row and column; `value` where its text is a number.

    Most cells hold figures: only those with a letter have a `search` and stand in its index;
    the others are found by `value`.
    """

    __tablename__ = "cell"
    transcription_id: Mapped[int] = mapped_column(primary_key=True)
    table: Mapped[int] = mapped_column(Integer, primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    column: Mapped[int] = mapped_column(Integer, primary_key=True)
    row_span: Mapped[int] = mapped_column(SmallInteger)
    column_span: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str]
    raw: Mapped[str]
    value: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str | None]
    confidence: Mapped[float]
    status: Mapped[str]
    polygon: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    alternatives: Mapped[list[Any]] = mapped_column(JSONB)
    checks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    language: Mapped[str] = mapped_column(REGCONFIG)
    search: Mapped[str | None] = mapped_column(
        TSVECTOR, Computed(f"case when text ~ '[[:alpha:]]' then {_SEARCH} end", persisted=True)
    )
    __table_args__ = (
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("cardinality(polygon) = 8", name="polygon"),
        CheckConstraint(
            "status in ('verified', 'repaired', 'inferred', 'plain', 'doubtful', 'rejected')",
            name="status",
        ),
        Index(
            "cell_search_idx",
            "search",
            postgresql_using="gin",
            postgresql_where=_HAS_WORDS,
        ),
        Index("cell_value_idx", "value", postgresql_where=_HAS_VALUE),
        Index("cell_doubtful_idx", "confidence", postgresql_where=_IS_DOUBTFUL),
        Index("cell_unsure_idx", "confidence", postgresql_where=_IS_UNSURE),
        {"postgresql_partition_by": "range (transcription_id)"},
    )


class Station(Base):
    """Where the pages of a collection were written, and by which clock.

    Either `zone` (IANA) or `utc_offset` says how far the clock was ahead of UTC. `said` is the
    whole of what somebody said of it (`pipeline.observations.station.Station`).
    """

    __tablename__ = "station"
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id), primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    latitude: Mapped[float] = mapped_column(Double)
    longitude: Mapped[float] = mapped_column(Double)
    altitude: Mapped[float | None] = mapped_column(Double)
    zone: Mapped[str | None]
    utc_offset: Mapped[timedelta | None]
    said: Mapped[dict[str, Any]]
    __table_args__ = (CheckConstraint("(zone is null) <> (utc_offset is null)", name="clock"),)


class Observed(Base):
    """What the rows and columns of a part of a table stand for: its cells are observations.

    That is `pipeline.observations.axes.Part`, an array element for each row of the table or each
    column of the part: two rows of figures in place of one for each cell. `unknown` are the heads
    of columns of numbers that are no observations, since nobody says what of.
    """

    __tablename__ = "observed"
    transcription_id: Mapped[int] = mapped_column(primary_key=True)
    table: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_column: Mapped[int] = mapped_column(Integer, primary_key=True)
    last_column: Mapped[int] = mapped_column(Integer)
    row_dates: Mapped[list[date | None]] = mapped_column(ARRAY(Date))
    row_days: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
    row_minutes: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
    column_dates: Mapped[list[date | None]] = mapped_column(ARRAY(Date))
    column_days: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
    column_minutes: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
    variables: Mapped[list[str | None]] = mapped_column(ARRAY(Text))
    units: Mapped[list[str | None]] = mapped_column(ARRAY(Text))
    statistics: Mapped[list[str | None]] = mapped_column(ARRAY(Text))
    unknown: Mapped[list[str]] = mapped_column(ARRAY(Text))
    __table_args__ = (
        ForeignKeyConstraint(
            ["transcription_id", "table"],
            [Table.transcription_id, Table.number],
            ondelete="CASCADE",
        ),
    )


class Word(Base):
    """A word that some line or cell has held, in lower case and unstemmed.

    Fuzzy search looks here for words spelled like the one asked for: a vocabulary stays small
    where the lines with a common word do not.
    """

    __tablename__ = "word"
    word: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (
        Index(
            "word_trgm_idx",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
            # New words get rare, and those that wait to be indexed slow every search down.
            postgresql_with={"fastupdate": "off"},
        ),
    )


class Rollback(Base):
    """Somebody made what an earlier run had read current again, in a collection or in all of them.

    `pages` counts those that it changed; without `finished_at` it was broken off.
    """

    __tablename__ = "rollback"
    id: Mapped[int] = _id()
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id))
    collection_id: Mapped[int | None] = mapped_column(ForeignKey(Collection.id))
    author: Mapped[str]
    pages: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = _created()
    finished_at: Mapped[datetime | None]


class Correction(Base):
    """What a person says stands at a place of a page; kept for ever, and laid on every reading.

    Anchored by polygon, so that it can be carried from run to run. `line`, or `table`, `row` and
    `column`, are the place in the reading by `run_id` that the author saw, `read` what the machine
    had said there. `spot` is the first correction of the same place, null in that one itself: of a
    spot the newest that is not withdrawn is in effect.
    """

    __tablename__ = "correction"
    id: Mapped[int] = _id()
    spot: Mapped[int | None] = mapped_column(ForeignKey("mill.correction.id"))
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), index=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id))
    line: Mapped[int | None] = mapped_column(Integer)
    table: Mapped[int | None] = mapped_column(Integer)
    row: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[int | None] = mapped_column(Integer)
    polygon: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    text: Mapped[str]
    read: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime] = _created()
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint('num_nulls(line, "table", "row", "column") in (1, 3)', name="place"),
        Index(None, "created_at"),
    )


class Opinion(Base):
    """What one of several people says stands at a place of a reading; it changes nothing by itself.

    The place is named as in `Correction`. Somebody's later opinion on a place replaces their own.
    """

    __tablename__ = "opinion"
    id: Mapped[int] = _id()
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id))
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id))
    line: Mapped[int | None] = mapped_column(Integer)
    table: Mapped[int | None] = mapped_column(Integer)
    row: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[int | None] = mapped_column(Integer)
    author: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime] = _created()
    __table_args__ = (
        CheckConstraint('num_nulls(line, "table", "row", "column") in (1, 3)', name="place"),
        UniqueConstraint(
            "page_id",
            "run_id",
            "line",
            "table",
            "row",
            "column",
            "author",
            name="opinion_place_key",
            postgresql_nulls_not_distinct=True,
        ),
    )


class Learning(Base):
    """One time that a network learnt from the corrections of a collection; see `storage.learning`.

    `better` is null until it has ended, and where it failed (`reason`).
    """

    __tablename__ = "learning"
    id: Mapped[int] = _id()
    collection_id: Mapped[int] = mapped_column(ForeignKey(Collection.id), index=True)
    author: Mapped[str]
    started_at: Mapped[datetime] = _created()
    heartbeat_at: Mapped[datetime] = _created()
    finished_at: Mapped[datetime | None]
    better: Mapped[bool | None]
    reason: Mapped[str | None]
    cells: Mapped[int | None] = mapped_column(Integer)
    proved: Mapped[int | None] = mapped_column(Integer)
    right_before: Mapped[int | None] = mapped_column(Integer)
    right_after: Mapped[int | None] = mapped_column(Integer)
    profile: Mapped[dict[str, Any] | None]


class LineAsRead(Base):
    """What a run read of a line on which a correction lies; `Line` has what stands there."""

    __tablename__ = "line_as_read"
    transcription_id: Mapped[int] = mapped_column(
        ForeignKey(Transcription.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str]
    confidence: Mapped[float]
    status: Mapped[str]
    correction_id: Mapped[int] = mapped_column(ForeignKey(Correction.id))


class CellAsRead(Base):
    """What a run read of a cell of which `Cell` has something else, or on which a correction lies.

    `correction_id` is null where other cells' corrections changed what is made of this one.
    """

    __tablename__ = "cell_as_read"
    transcription_id: Mapped[int] = mapped_column(
        ForeignKey(Transcription.id, ondelete="CASCADE"), primary_key=True
    )
    table: Mapped[int] = mapped_column(Integer, primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    column: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str]
    value: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str | None]
    confidence: Mapped[float]
    status: Mapped[str]
    checks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    correction_id: Mapped[int | None] = mapped_column(ForeignKey(Correction.id))


class TableAsRead(Base):
    """The relations that a run found in a table, where corrections changed them."""

    __tablename__ = "table_as_read"
    transcription_id: Mapped[int] = mapped_column(
        ForeignKey(Transcription.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    relations: Mapped[list[Any]] = mapped_column(JSONB)


class Lease(Base):
    """Who looks at a column of a page's table just now; a line is a column of table -1."""

    __tablename__ = "lease"
    page_id: Mapped[int] = mapped_column(ForeignKey(Page.id), primary_key=True)
    table: Mapped[int] = mapped_column(Integer, primary_key=True)
    column: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder: Mapped[str]
    ends_at: Mapped[datetime]


class User(Base):
    """Somebody who may use the web application; `password_hash` is null where none was chosen.

    A removed user stays, for what they did.
    """

    __tablename__ = "user"
    id: Mapped[int] = _id()
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime] = _created()
    removed_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("role in ('reader', 'corrector', 'operator', 'admin')", name="role"),
        Index("user_name_idx", "name", unique=True, postgresql_where=text("removed_at is null")),
    )


class Token(Base):
    """A secret that a program shows in place of a user: found by `prefix`, proved by `hash`.

    Its rights are those of its role or of its user, whichever is less.
    """

    __tablename__ = "token"
    id: Mapped[int] = _id()
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    name: Mapped[str]
    role: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str]
    created_at: Mapped[datetime] = _created()
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("role in ('reader', 'corrector', 'operator', 'admin')", name="role"),
    )


class Session(Base):
    """A browser that is signed in; `hash` is the SHA-256 of the cookie that it shows."""

    __tablename__ = "session"
    hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    created_at: Mapped[datetime] = _created()
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInLink(Base):
    """A link that signs a browser in, once; `hash` is the SHA-256 of the secret in it."""

    __tablename__ = "sign_in_link"
    hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Audit(Base):
    """Who changed what, when and from where; written in the transaction of the change."""

    __tablename__ = "audit"
    id: Mapped[int] = _id()
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    user: Mapped[str | None]
    via: Mapped[str]
    address: Mapped[str | None]
    action: Mapped[str]
    about: Mapped[dict[str, Any]]
