"""Users: a name, a role, and a password where one was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage.accounts.roles import ROLES, Role

_NAME = re.compile(r"[\w.@+-]{1,64}")
_SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 1000

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Return a hash: somebody unknown costs as long as somebody known, so no name shows itself."""
    return _hasher.hash("nobody")


_COLUMNS = (
    'id, name, role, created_at, password_hash is not null as "has_password"'
    ' from mill."user" where removed_at is null'
)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may use the web application."""

    id: int
    name: str
    role: Role
    created_at: datetime
    has_password: bool


def add(connection: Connection, name: str, role: Role, password: str | None = None) -> User:
    """Add a user. Raises `BadInput` for a name that is taken or no name, or a weak password."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"user {name!r}"[:100],
            "no name",
            "use 1 to 64 letters, digits and the signs . _ @ + -",
        )
    _check_role(role)
    made = connection.execute(
        text(
            'insert into mill."user" (name, role, password_hash) values (:name, :role, :hash)'
            " on conflict (name) where removed_at is null do nothing returning id"
        ),
        {"name": name, "role": role, "hash": None if password is None else _hash(password)},
    ).scalar()
    if made is None:
        raise BadInput(f"user {name}", "the name is taken", "choose another")
    return find(connection, name)


def find(connection: Connection, name: str) -> User:
    """Return the user of that name. Raises `BadInput` where there is none."""
    row = (
        connection.execute(text(f"select {_COLUMNS} and name = :name"), {"name": name})
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise BadInput(f"user {name!r}"[:100], "no such user", "see `ledgermill user list`")
    return User(**row)


def list_users(connection: Connection) -> list[User]:
    """Return all users by name."""
    rows = connection.execute(text(f'select {_COLUMNS} order by name collate "C"'))
    return [User(**row) for row in rows.mappings()]


def by_password(connection: Connection, name: str, password: str) -> User | None:
    """Return the user of a name and a password; None where they do not fit.

    Takes some 50 ms, as long for a name that nobody has.
    """
    row = connection.execute(
        text('select password_hash from mill."user" where removed_at is null and name = :name'),
        {"name": name},
    ).one_or_none()
    known = row.password_hash if row is not None else None
    if not _fits(known or _nobody(), password) or known is None:
        return None
    if _hasher.check_needs_rehash(known):
        _update(connection, name, "password_hash = :value", value=_hasher.hash(password))
    return find(connection, name)


def set_password(connection: Connection, name: str, password: str) -> None:
    """Set a user's password and end their sessions. Raises `BadInput` for a weak password."""
    _update(connection, name, "password_hash = :value", value=_hash(password))
    _sign_out(connection, name)


def change_role(connection: Connection, name: str, role: Role) -> None:
    """Give a user another role. Raises `BadInput` where there is no such user or role."""
    _check_role(role)
    _update(connection, name, "role = :value", value=role)


def remove(connection: Connection, name: str) -> None:
    """Remove a user: their sessions end, their tokens and links are worth nothing."""
    user = find(connection, name)
    connection.execute(
        text(
            "update mill.token set revoked_at = clock_timestamp()"
            " where user_id = :user and revoked_at is null"
        ),
        {"user": user.id},
    )
    _sign_out(connection, name)
    _update(connection, name, "removed_at = clock_timestamp(), password_hash = :value", value=None)


def _sign_out(connection: Connection, name: str) -> None:
    user = find(connection, name)
    for table in ("session", "sign_in_link"):
        connection.execute(
            text(f"delete from mill.{table} where user_id = :user"),  # noqa: S608 (ours)
            {"user": user.id},
        )


def _update(connection: Connection, name: str, change: str, **values: Any) -> None:
    find(connection, name)
    connection.execute(
        text(f'update mill."user" set {change} where removed_at is null and name = :name'),  # noqa: S608 (ours)
        {**values, "name": name},
    )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadInput(f"role {role!r}"[:100], "no such role", f"choose one of {', '.join(ROLES)}")


def _hash(password: str) -> str:
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise BadInput(
            "the password",
            f"has {len(password)} characters",
            f"choose one of {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD}",
        )
    return _hasher.hash(password)


def _fits(known: str, password: str) -> bool:
    if len(password) > _LONGEST_PASSWORD:
        return False
    try:
        return _hasher.verify(known, password)
    except (Argon2Error, InvalidHashError):
        return False
