"""Tokens: what a program shows in place of a user.

A token is `lm_PREFIX_SECRET`: the prefix finds its row, Argon2 proves the secret.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage.accounts.roles import Role, lesser
from storage.accounts.users import User

_WRITTEN = re.compile(r"lm_([0-9a-f]{12})_[\w-]{43}")

# A secret of 256 random bits cannot be guessed, however fast its hash: what a password needs
# would only slow every request down.
_hasher = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: int
    user: str
    name: str
    role: Role
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that is good now, if what was shown proves `hash`.

    `unused`: nobody said within the last hour that it is in use (`used`).
    """

    id: int
    user_id: int
    user: str
    role: Role
    hash: str
    unused: bool


def issue(
    connection: Connection, user: User, name: str, role: Role, lifetime: timedelta | None = None
) -> str:
    """Make a token and return it: the only time that it can be seen.

    Its role is at most its user's. Raises `BadInput` for an empty or endless name.
    """
    if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        raise BadInput("the token's name", "empty or endless", "say what it is for")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    written = f"lm_{prefix}_{secret}"
    connection.execute(
        text(
            "insert into mill.token (user_id, name, role, prefix, hash, expires_at)"
            " values (:user, :name, :role, :prefix, :hash, clock_timestamp() + :lifetime)"
        ),
        {
            "user": user.id,
            "name": name.strip(),
            "role": lesser(role, user.role),
            "prefix": prefix,
            "hash": _hasher.hash(written),
            "lifetime": lifetime,
        },
    )
    return written


def known_token(connection: Connection, written: str) -> KnownToken | None:
    """Return the token that `written` may be: it stands and its user, too; `proves` is left."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return None
    row = connection.execute(
        text(
            'select token.id, user_id, "user".name, token.role, "user".role as user_role, hash,'
            " coalesce(used_at < clock_timestamp() - interval '1 hour', true) as unused"
            ' from mill.token join mill."user" on "user".id = user_id'
            " where prefix = :prefix and revoked_at is null and removed_at is null"
            " and (expires_at is null or expires_at > clock_timestamp())"
        ),
        {"prefix": match[1]},
    ).one_or_none()
    if row is None:
        return None
    role = lesser(row.role, row.user_role)
    return KnownToken(row.id, row.user_id, row.name, role, row.hash, row.unused)


def proves(token: KnownToken, written: str) -> bool:
    """Return whether `written` is that token; takes some 5 ms."""
    try:
        return _hasher.verify(token.hash, written)
    except (Argon2Error, InvalidHashError):
        return False


def used(connection: Connection, token_id: int) -> None:
    """Say that a token is in use."""
    connection.execute(
        text("update mill.token set used_at = clock_timestamp() where id = :id"), {"id": token_id}
    )


def list_tokens(connection: Connection, user: str | None = None) -> list[Token]:
    """Return the tokens that are not revoked, of one user or of all."""
    rows = connection.execute(
        text(
            'select token.id, "user".name as user, token.name, token.role, prefix,'
            " token.created_at, expires_at, used_at"
            ' from mill.token join mill."user" on "user".id = user_id'
            " where revoked_at is null"
            ' and (cast(:user as text) is null or "user".name = :user)'
            " order by token.id"
        ),
        {"user": user},
    )
    return [Token(**row) for row in rows.mappings()]


def revoke(connection: Connection, token_id: int, user: str | None = None) -> None:
    """Make a token worth nothing. Raises `BadInput` where the user, if given, has none such."""
    revoked = connection.execute(
        text(
            "update mill.token set revoked_at = clock_timestamp() where id = :id"
            " and revoked_at is null and (cast(:user as text) is null or user_id ="
            ' (select id from mill."user" where name = :user and removed_at is null))'
            " returning id"
        ),
        {"id": token_id, "user": user},
    ).scalar()
    if revoked is None:
        raise BadInput(f"token {token_id}", "no such token", "see `ledgermill token list`")
