"""How often a host is asked by all workers together: the next free moment is a row.

No function commits; the caller does, before it waits.
"""

from __future__ import annotations

from sqlalchemy import Connection, text


def reserve(connection: Connection, host: str, gap: float, most: float) -> float | None:
    """Take the host's next free moment, and free the one `gap` seconds later.

    Returns how many seconds away it is; None, with nothing taken, where that is more than `most`.
    """
    wait = connection.scalar(
        text(
            "insert into mill.remote_host as known (host, free_at)"
            " values (:host, clock_timestamp() + make_interval(secs => :gap))"
            " on conflict (host) do update"
            " set free_at = greatest(known.free_at, clock_timestamp())"
            " + make_interval(secs => :gap)"
            " where known.free_at < clock_timestamp() + make_interval(secs => :most)"
            " returning extract(epoch from free_at - clock_timestamp()) - :gap"
        ),
        {"host": host, "gap": gap, "most": most},
    )
    return None if wait is None else max(0.0, float(wait))


def hold(connection: Connection, host: str, seconds: float) -> None:
    """Let nobody ask a host before so many seconds have passed."""
    connection.execute(
        text(
            "insert into mill.remote_host as known (host, free_at)"
            " values (:host, clock_timestamp() + make_interval(secs => :seconds))"
            " on conflict (host) do update set free_at = greatest(known.free_at, excluded.free_at)"
        ),
        {"host": host, "seconds": seconds},
    )


def held(connection: Connection, host: str) -> float:
    """Return in how many seconds a host may be asked again."""
    wait = connection.scalar(
        text(
            "select extract(epoch from free_at - clock_timestamp()) from mill.remote_host"
            " where host = :host"
        ),
        {"host": host},
    )
    return max(0.0, float(wait or 0.0))
