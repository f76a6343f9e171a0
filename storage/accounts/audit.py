"""The audit log: what was changed through the web or the command line, by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: `via` is session, token or command line, `about` what it was done to."""

    id: int
    at: datetime
    user: str | None
    via: str
    address: str | None
    action: str
    about: dict[str, Any]


def note(
    connection: Connection,
    *,
    user: str | None,
    via: str,
    address: str | None,
    action: str,
    about: Mapping[str, Any],
) -> None:
    """Write what is done in this transaction into the log; never a secret."""
    connection.execute(
        text(
            'insert into mill.audit ("user", via, address, action, about)'
            " values (:user, :via, :address, :action, cast(:about as jsonb))"
        ),
        {
            "user": user,
            "via": via,
            "address": address,
            "action": action,
            "about": json.dumps(dict(about), default=str).replace("\\u0000", "\\ufffd"),
        },
    )


def entries(connection: Connection, before: int | None, limit: int) -> list[Entry]:
    """Return the latest entries, newest first; those older than the entry `before`."""
    rows = connection.execute(
        text(
            'select id, at, "user", via, address, action, about from mill.audit'
            " where cast(:before as bigint) is null or id < :before"
            " order by id desc limit :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [Entry(**row) for row in rows.mappings()]
