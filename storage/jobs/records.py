"""What is known of jobs, sources, pages and shards, and the statement that both kinds share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import TextClause, text

Kind = Literal["ingest", "digitize"]
"""What a shard holds: sources to take in, or pages to read."""

UNAVAILABLE_TRIES = 10
"""After so many tries that failed for want of a service, a page or source is given up."""

LONGEST_WAIT = 300.0
"""Seconds between two tries, at most."""

# The table of the work, and the column that numbers it within a job.
TABLES: dict[Kind, tuple[str, str]] = {
    "ingest": ("mill.job_source", "number"),
    "digitize": ("mill.job_page", "page_id"),
}


def on(kind: Kind, statement: str) -> TextClause:
    """Return a statement that is the same for sources and for pages, for one of them."""
    table, number = TABLES[kind]
    return text(statement.replace("@work", table).replace("@number", number))


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source file that a job lists: stored under `sha256`, to be fetched from `address`, or
    refused for `reason`; `details` is what else the worker has to know of it."""

    source: str
    sha256: str | None
    reason: str | None = None
    address: str | None = None
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ClaimedSource:
    """A source that this worker now has; `sha256` addresses its bytes in the object store, if they
    are there already. `attempt` counts all tries from 1."""

    job_id: int
    number: int
    source: str
    sha256: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class ClaimedPage:
    """A page that this worker now has; `attempt` counts from 1, `pixels` are its image's."""

    page_id: int
    image_sha256: str
    attempt: int
    pixels: int = 0


@dataclass(frozen=True, slots=True)
class ClaimedShard:
    """The pages of one message that were still waiting for it, in reading order."""

    job_id: int
    run_id: int
    token: str
    pages: tuple[ClaimedPage, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: numbers of sources and pages by state (states without any left out)."""

    state: str
    sources: dict[str, int]
    pages: dict[str, int]

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that was refused or a page that was set aside, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """A job as people ask about it."""

    job_id: int
    kind: str
    collection: str
    created_at: datetime
    finished_at: datetime | None
    progress: Progress
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that is not finished; lower `priority` numbers go first."""

    job_id: int
    priority: int


@dataclass(frozen=True, slots=True)
class RunOfShard:
    """How a shard's pages are to be read; `settings` are the profile's."""

    run_id: int
    settings: dict[str, Any]
    weights_digest: str
    code_version: str
