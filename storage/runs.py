"""Runs: which profile, weights and code read a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput


@dataclass(frozen=True, slots=True)
class Run:
    """One way of reading and what it has done; `name` is how people call it.

    `first_at` and `last_at` are when its first and its last page were read, null without any.
    """

    id: int
    name: str
    profile: str
    weights_digest: str
    code_version: str
    created_at: datetime
    pages: int
    current_pages: int
    first_at: datetime | None
    last_at: datetime | None


def run_name(profile: str, weights_digest: str, code_version: str) -> str:
    """Return the public name of a run."""
    return f"{profile}@{weights_digest[:8]}+{code_version}"


def ensure_run(
    connection: Connection,
    profile: str,
    weights_digest: str,
    code_version: str,
    settings: Mapping[str, Any],
) -> int:
    """Return the id of the run of this profile, weights and code, made where there is none.

    `settings` is what the profile said when the run was made; an existing run keeps its own.
    Safe under concurrent callers; the caller commits.
    """
    key = {"profile": profile, "weights": weights_digest, "code": code_version}
    find = text(
        "select id from mill.run where profile = :profile"
        " and weights_digest = :weights and code_version = :code"
    )
    make = text(
        "insert into mill.run (profile, weights_digest, code_version, settings)"
        " values (:profile, :weights, :code, cast(:settings as jsonb))"
        " on conflict (profile, weights_digest, code_version) do nothing returning id"
    )
    found = connection.scalar(find, key)
    if found is None:
        found = connection.scalar(make, {**key, "settings": json.dumps(dict(settings))})
    if found is None:  # somebody else made it in between
        found = connection.scalar(find, key)
    return int(found)


def find_run(connection: Connection, name: str) -> int:
    """Return the id of the run of that name or number. Raises `BadInput` where there is none."""
    found = connection.scalar(
        text("select max(id) from mill.run where name = :name or id::text = :name"),
        {"name": name},
    )
    if found is None:
        raise BadInput(name, "no such run", "see `ledgermill runs`")
    return int(found)


def list_runs(connection: Connection) -> list[Run]:
    """Return every run, oldest first, with the pages it has read and those it is current for."""
    rows = connection.execute(
        text(
            "select id, name, profile, weights_digest, code_version, created_at, read.pages,"
            " (select count(*) from mill.page where current_run_id = run.id) as current_pages,"
            " read.first_at, read.last_at from mill.run, lateral (select count(*) as pages,"
            " min(created_at) as first_at, max(created_at) as last_at"
            " from mill.transcription where run_id = run.id) as read order by id"
        )
    )
    return [Run(**row) for row in rows.mappings()]
