"""Transcriptions that somebody else made, kept as runs of their own beside what we read.

They are current for a page only as long as nothing else was read on it. One that differs from the
one before of its kind goes into a new run, so that neither is lost.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

from sqlalchemy import Connection, text

from pipeline.page import Transcription, to_json
from pipeline.version import CODE_VERSION
from storage import transcriptions
from storage.runs import ensure_run

Kept = Literal["truth", "earlier"]
"""As what it is kept: as right beyond doubt, or as what some other program or person read."""

KEPT: tuple[Kept, ...] = get_args(Kept)
PROFILES: dict[Kept, str] = {"truth": "ground-truth", "earlier": "earlier"}
"""What their runs have as a profile."""


def keep(connection: Connection, page_id: int, kept: Kept, transcription: Transcription) -> int:
    """Store an imported transcription of a page and return its run; the caller commits.

    Does nothing but to return the run where that is what the latest of its kind says already.
    Raises `BadInput` as `storage.transcriptions.save` does.
    """
    profile = PROFILES[kept]
    latest = connection.execute(
        text(
            "select run.id, (run.settings ->> 'import')::int as number from mill.transcription"
            " join mill.run on run.id = run_id where page_id = :page and profile = :profile"
            " order by number desc limit 1"
        ),
        {"page": page_id, "profile": profile},
    ).one_or_none()
    if latest is not None:
        stands = transcriptions.load(connection, page_id, latest.id)
        if to_json(stands, "", "") == to_json(transcription, "", ""):
            return int(latest.id)
    number = 1 if latest is None else latest.number + 1
    digest = hashlib.sha256(f"{profile} {number}".encode()).hexdigest()
    run_id = ensure_run(connection, profile, digest, CODE_VERSION, {"import": number})
    before = connection.execute(
        text(
            "select current_run_id, current_asked_at from mill.page where id = :page"
            " for no key update"
        ),
        {"page": page_id},
    ).one()
    transcriptions.save(connection, page_id, run_id, transcription)
    imported = before.current_run_id is None or _is_import(connection, before.current_run_id)
    connection.execute(
        text(
            "update mill.page set current_run_id = :run, current_asked_at = :asked where id = :page"
        ),
        {
            "page": page_id,
            "run": run_id if imported else before.current_run_id,
            "asked": before.current_asked_at,  # whatever is read next comes in its place
        },
    )
    return run_id


def _is_import(connection: Connection, run_id: int) -> bool:
    return bool(
        connection.scalar(
            text("select profile = any(:profiles) from mill.run where id = :run"),
            {"profiles": list(PROFILES.values()), "run": run_id},
        )
    )
