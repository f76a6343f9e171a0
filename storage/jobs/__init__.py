"""Every change of state of a job, its sources and its pages: one short function each.

Postgres is the truth and the broker is disposable: a message only carries a job's number and the
token of a *shard*, and the rows that hold that token are the work. A page goes

    pending -> queued -> running -> done | quarantined

and back to pending from wherever it stopped moving. Attempts are counted, and committed, before
the work starts, so a page that kills its worker is found even if nothing survives to tell. All
times are the database's, so the clocks of workers do not matter.

No function commits: the caller does, and sends messages only after that.
"""

from __future__ import annotations

from storage.jobs.counting import recount, tidy_counts
from storage.jobs.making import (
    add_pages,
    add_sources,
    all_listed,
    cancel,
    close_abandoned,
    create,
    ensure_collection,
    listed,
)
from storage.jobs.measuring import counts, oldest_waiting, quarantined, waits_longer
from storage.jobs.pausing import Paused, pause, resume
from storage.jobs.queueing import open_jobs, queue_pages, queue_sources, waiting_shards
from storage.jobs.reading import (
    beat,
    claim,
    died,
    give_back,
    page_done,
    page_failed,
    postpone,
    run_of_shard,
    shard_died,
    shard_failed,
    wait,
)
from storage.jobs.records import (
    LONGEST_WAIT,
    UNAVAILABLE_TRIES,
    ClaimedPage,
    ClaimedShard,
    ClaimedSource,
    Failure,
    Kind,
    NewSource,
    OpenJob,
    Overview,
    Progress,
    RunOfShard,
)
from storage.jobs.taking_in import (
    claim_source,
    give_back_sources,
    source_postponed,
    source_refused,
    source_stored,
    sources_died,
)
from storage.jobs.trouble import Trouble, troubles
from storage.jobs.turns import turn
from storage.jobs.watching import failures, finish_jobs, overview, progress, stale_shards

__all__ = [
    "LONGEST_WAIT",
    "UNAVAILABLE_TRIES",
    "ClaimedPage",
    "ClaimedShard",
    "ClaimedSource",
    "Failure",
    "Kind",
    "NewSource",
    "OpenJob",
    "Overview",
    "Paused",
    "Progress",
    "RunOfShard",
    "Trouble",
    "add_pages",
    "add_sources",
    "all_listed",
    "beat",
    "cancel",
    "claim",
    "claim_source",
    "close_abandoned",
    "counts",
    "create",
    "died",
    "ensure_collection",
    "failures",
    "finish_jobs",
    "give_back",
    "give_back_sources",
    "listed",
    "oldest_waiting",
    "open_jobs",
    "overview",
    "page_done",
    "page_failed",
    "pause",
    "postpone",
    "progress",
    "quarantined",
    "queue_pages",
    "queue_sources",
    "recount",
    "resume",
    "run_of_shard",
    "shard_died",
    "shard_failed",
    "source_postponed",
    "source_refused",
    "source_stored",
    "sources_died",
    "stale_shards",
    "tidy_counts",
    "troubles",
    "turn",
    "wait",
    "waiting_shards",
    "waits_longer",
]
