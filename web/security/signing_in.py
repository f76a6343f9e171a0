"""Signing in and out in a browser: by a password, or by a link that is good once."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from storage import accounts
from storage.accounts import User
from web.lanes import slowly
from web.security import rates
from web.security.principal import COOKIE, Anybody, Principal
from web.site import Site, TheSite
from web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, who: Anybody, next: str = "/") -> Response:  # noqa: A002
    if who is not None and who.via == "session":
        return RedirectResponse(_own(next), 303)
    return render(request, "sign_in.html", {"next": _own(next), "failed": ""})


@router.post("/sign-in")
@slowly
def sign_in(
    request: Request,
    site: TheSite,
    _who: Anybody,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    address = request.client.host if request.client else None
    site.rates.check(rates.FAILURES, "failure", str(address))
    with site.database.begin() as connection:
        user = accounts.by_password(connection, name, password)
    if user is None:
        rates.count_failure(site, address)
        said = {"next": _own(next), "failed": "Name and password do not fit."}
        return render(request, "sign_in.html", said, status=401)
    return _signed_in(site, request, user, "by password", _own(next))


@router.get("/sign-in/{secret}")
def sign_in_by_link(request: Request, site: TheSite, _who: Anybody, secret: str) -> Response:
    address = request.client.host if request.client else None
    site.rates.check(rates.FAILURES, "failure", str(address))
    with site.database.begin() as connection:
        user = accounts.redeem(connection, secret)
    if user is None:
        rates.count_failure(site, address)
        said = {"next": "/", "failed": "This link was used before, or is too old."}
        return render(request, "sign_in.html", said, status=401)
    return _signed_in(site, request, user, "by link", "/")


@router.post("/sign-out")
def sign_out(request: Request, site: TheSite, who: Anybody) -> Response:
    cookie = request.cookies.get(COOKIE)
    if cookie and who is not None and who.name is not None:
        with site.changing(who, "sign out") as connection:
            accounts.end(connection, cookie)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE)
    return response


def _signed_in(site: Site, request: Request, user: User, how: str, next_page: str) -> Response:
    address = request.client.host if request.client else None
    who = Principal(user.name, user.role, "session", address)
    with site.changing(who, "sign in", how=how) as connection:
        secret = accounts.begin(connection, user)
    response = RedirectResponse(next_page, 303)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(accounts.LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or site.https,
    )
    return response


def _own(address: str) -> str:
    """Return a path of this site; the front page in place of an address elsewhere."""
    parts = urlsplit(address)
    odd = parts.scheme or parts.netloc or not address.startswith("/")
    if odd or address.startswith("//") or "\\" in address or not address.isprintable():
        return "/"
    return address
