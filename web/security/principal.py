"""Who asks: a session's user, a token's, or, where reading is public, anybody.

An endpoint that takes a `Reader`, `Corrector`, `Operator` or `Admin` answers nobody of a lesser
role: 401 where nobody is signed in, 403 otherwise. A request that a browser's cookie signs and
that is more than a look must also show the session's CSRF token, in the header `X-CSRF-Token` or
the form field `csrf`, and must not come from another site's page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from storage import accounts
from storage.accounts import Role
from web.problems import Problem
from web.security import rates
from web.site import Site

COOKIE = "ledgermill_session"

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_MOST_PROVED = 1000

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks; `csrf` is what a session's forms must show."""

    name: str | None
    role: Role
    via: Literal["session", "token", "public"]
    address: str | None
    csrf: str = ""

    def may(self, role: Role) -> bool:
        """Return whether they may do what asks for `role`."""
        return accounts.at_least(self.role, role)


async def who(request: Request) -> Principal | None:
    """Return who asks, None where nobody says; the same for the whole request.

    Raises `Problem` where a token is not good, or requests come too fast.
    """
    if hasattr(request.state, "principal"):
        known: Principal | None = request.state.principal
        return known
    site: Site = request.app.state.site
    address = request.client.host if request.client else None
    return await run_in_threadpool(_look_up, site, request, address)


async def meant(request: Request, principal: Principal | None) -> None:
    """Raise `Problem` where a browser was led to send what its user did not mean to."""
    if request.method in SAFE or (principal is not None and principal.via == "token"):
        return
    _check_origin(request)
    if principal is not None and principal.via == "session":
        await _check_csrf(request, principal)


async def anybody(request: Request) -> Principal | None:
    """Return who asks, whoever it is, if they meant to."""
    principal = await who(request)
    await meant(request, principal)
    return principal


def _look_up(site: Site, request: Request, address: str | None) -> Principal | None:
    principal = _shown(site, request, address)
    request.state.principal = principal
    rates.count(site, principal, address)
    return principal


def _shown(site: Site, request: Request, address: str | None) -> Principal | None:
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_token(site, written.strip(), address)
    cookie = request.cookies.get(COOKIE)
    if cookie:
        with site.at_once() as connection:
            user = accounts.user_of_session(connection, cookie)
        if user is not None:
            return Principal(user.name, user.role, "session", address, csrf_of(cookie))
    if site.settings.public_reading:
        return Principal(None, "reader", "public", address)
    return None


def _by_token(site: Site, written: str, address: str | None) -> Principal:
    with site.at_once() as connection:
        token = accounts.known_token(connection, written)
        if token is not None and token.unused:
            accounts.used(connection, token.id)
    if token is None or not _is_proved(site, token, written):
        rates.count(site, None, address)
        raise unauthorized("the token is not good: it is wrong, expired or revoked")
    return Principal(token.user, token.role, "token", address)


def _is_proved(site: Site, token: accounts.KnownToken, written: str) -> bool:
    """Return whether a token is proved; Argon2 is asked once for each, then remembered."""
    shown = hashlib.sha256(written.encode("utf-8", "replace")).digest()
    if site.proved.get(shown) == token.hash:
        return True
    if not accounts.proves(token, written):
        return False
    if len(site.proved) >= _MOST_PROVED:
        site.proved.clear()
    site.proved[shown] = token.hash
    return True


def csrf_of(cookie: str) -> str:
    """Return the CSRF token of a session: whoever knows it knows the cookie or a page of ours."""
    return hmac.new(cookie.encode("utf-8", "replace"), b"csrf", hashlib.sha256).hexdigest()


async def _check_csrf(request: Request, principal: Principal) -> None:
    shown = request.headers.get("x-csrf-token")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if shown is None and kind in _FORMS:
        field = (await request.form()).get("csrf")
        shown = field if isinstance(field, str) else None
    if shown is None or not hmac.compare_digest(shown.encode(), principal.csrf.encode()):
        raise Problem(403, "the page's CSRF token is missing or old; load the page anew")


def _check_origin(request: Request) -> None:
    """Refuse what a page of another site sends with this one's cookies."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Problem(403, "this was sent from a page of another site; use this site's own")


def unauthorized(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": 'Bearer realm="ledgermill"'})


Guard = Callable[[Request], Awaitable[Principal]]


def require(role: Role) -> Guard:
    """Return the dependency that lets in who has at least this role; it says so as `role`."""

    async def guard(request: Request) -> Principal:
        principal = await who(request)
        if principal is None:
            raise unauthorized("nobody is signed in; sign in, or send a token as a bearer")
        if not principal.may(role):
            raise Problem(403, f"this is for the role {role}; yours is {principal.role}")
        await meant(request, principal)  # last: it may have to read what was sent
        return principal

    guard.role = role  # type: ignore[attr-defined]
    return guard


Reader = Annotated[Principal, Depends(require("reader"))]
Corrector = Annotated[Principal, Depends(require("corrector"))]
Operator = Annotated[Principal, Depends(require("operator"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Anybody = Annotated[Principal | None, Depends(anybody)]
