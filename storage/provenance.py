"""Where a page came from, as the page object says it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sqlalchemy import Connection, text


def of_page(connection: Connection, page_id: int) -> dict[str, Any] | None:
    """Return source, checksum, address, time and what was said of a page's (first) document.

    None where there is no more to say than the name of a file.
    """
    row = connection.execute(
        text(
            "select source, sha256, address, fetched_at, station, date, title, rights, told"
            " from mill.document where id = (select min(document_id) from mill.document_page"
            " where page_id = :page)"
        ),
        {"page": page_id},
    ).one_or_none()
    if row is None or not any(row[2:]):
        return None
    said = row._asdict()
    told = {name: value for name, value in (said.pop("told") or {}).items() if name != "mark"}
    if row.fetched_at is not None:
        said["fetched_at"] = row.fetched_at.astimezone(UTC).isoformat(timespec="seconds")
    if told:
        said["told"] = told
    return {name: value for name, value in said.items() if value is not None}
