"""Browsers that are signed in, and links that sign one in, once.

Both are random secrets of 256 bits, kept as SHA-256: whoever reads the table can show neither.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import Connection, text

from storage.accounts.users import User

LIFETIME = timedelta(days=14)
"""Of a session."""


def begin(connection: Connection, user: User) -> str:
    """Begin a session and return its secret, the browser's cookie; those that are over go."""
    connection.execute(text("delete from mill.session where expires_at < clock_timestamp()"))
    secret = secrets.token_urlsafe(32)
    connection.execute(
        text(
            "insert into mill.session (hash, user_id, expires_at)"
            " values (:hash, :user, clock_timestamp() + :lifetime)"
        ),
        {"hash": _hash(secret), "user": user.id, "lifetime": LIFETIME},
    )
    return secret


def end(connection: Connection, secret: str) -> None:
    """End a session, if it is one."""
    connection.execute(text("delete from mill.session where hash = :hash"), {"hash": _hash(secret)})


def user_of_session(connection: Connection, secret: str) -> User | None:
    """Return whose session it is; None where it is over or none."""
    row = (
        connection.execute(
            text(
                'select "user".id, name, role, "user".created_at,'
                " password_hash is not null as has_password"
                ' from mill.session join mill."user" on "user".id = user_id'
                " where hash = :hash and expires_at > clock_timestamp() and removed_at is null"
            ),
            {"hash": _hash(secret)},
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else User(**row)


def link(connection: Connection, user: User, lifetime: timedelta) -> str:
    """Make the secret of a link that signs in as `user`, once, within `lifetime`."""
    connection.execute(text("delete from mill.sign_in_link where expires_at < clock_timestamp()"))
    secret = secrets.token_urlsafe(32)
    connection.execute(
        text(
            "insert into mill.sign_in_link (hash, user_id, expires_at)"
            " values (:hash, :user, clock_timestamp() + :lifetime)"
        ),
        {"hash": _hash(secret), "user": user.id, "lifetime": lifetime},
    )
    return secret


def redeem(connection: Connection, secret: str) -> User | None:
    """Return the user that a link signs in, and spend it; None where it is spent or over."""
    row = (
        connection.execute(
            text(
                'delete from mill.sign_in_link as link using mill."user"'
                ' where hash = :hash and "user".id = user_id and removed_at is null'
                " and expires_at > clock_timestamp()"
                ' returning "user".id, name, role, created_at,'
                " password_hash is not null as has_password"
            ),
            {"hash": _hash(secret)},
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else User(**row)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
