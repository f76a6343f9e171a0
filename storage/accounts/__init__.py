"""Who may use the web application: users and roles, tokens, sessions, and what they changed.

Secrets are never kept, only what proves them: SHA-256 of those that are random and long, Argon2 of
what a person chose. No function commits.
"""

from __future__ import annotations

from storage.accounts.audit import Entry, entries, note
from storage.accounts.roles import ROLES, Role, at_least
from storage.accounts.sessions import LIFETIME, begin, end, link, redeem, user_of_session
from storage.accounts.tokens import (
    KnownToken,
    Token,
    issue,
    known_token,
    list_tokens,
    proves,
    revoke,
    used,
)
from storage.accounts.users import (
    User,
    add,
    by_password,
    change_role,
    find,
    list_users,
    remove,
    set_password,
)

__all__ = [
    "LIFETIME",
    "ROLES",
    "Entry",
    "KnownToken",
    "Role",
    "Token",
    "User",
    "add",
    "at_least",
    "begin",
    "by_password",
    "change_role",
    "end",
    "entries",
    "find",
    "issue",
    "known_token",
    "link",
    "list_tokens",
    "list_users",
    "note",
    "proves",
    "redeem",
    "remove",
    "revoke",
    "set_password",
    "used",
    "user_of_session",
]
