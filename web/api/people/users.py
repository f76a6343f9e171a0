"""Who one is; users and their tokens, for admins; the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from storage import accounts
from storage.accounts import Entry, Role, Token, User
from web.api.common.kinds import Id
from web.api.common.lists import Cursor, Limit, Listed, listed, read
from web.problems import responses
from web.security.principal import Admin, Reader
from web.site import TheSite

router = APIRouter(tags=["users and tokens"])

UserName = Annotated[str, Path(min_length=1, max_length=64, description="A user's name.")]
Password = Annotated[str | None, Field(min_length=10, max_length=1000)]


class Me(BaseModel):
    """Whoever asks; `user` is null for anybody, where reading is public."""

    user: str | None
    role: Role


class NewUser(BaseModel):
    """A user to be; without a password they sign in by a link."""

    name: str = Field(pattern=r"^[\w.@+-]{1,64}$")
    role: Role = "reader"
    password: Password = None


class UserChange(BaseModel):
    """What is to be other than it is."""

    role: Role | None = None
    password: Password = None


class NewToken(BaseModel):
    """A token to be, of a role that is at most its user's."""

    user: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=100, description="What it is for.")
    role: Role = "reader"
    days: float | None = Field(default=None, gt=0, le=3650, description="How long it is good.")


class Secret(BaseModel):
    """A secret that is shown this once and kept nowhere."""

    secret: str


@router.get("/me")
def get_me(who: Reader) -> Me:
    """Say who asks."""
    return Me(user=who.name, role=who.role)


@router.get("/users")
def list_users(site: TheSite, _who: Admin) -> list[User]:
    """List the users by name."""
    with site.reading() as connection:
        return accounts.list_users(connection)


@router.post("/users", status_code=201)
def add_user(site: TheSite, who: Admin, new: NewUser) -> User:
    """Add a user."""
    with site.changing(who, "user.add", user=new.name, role=new.role) as connection:
        return accounts.add(connection, new.name, new.role, new.password)


@router.patch("/users/{name}", responses=responses(404))
def change_user(site: TheSite, who: Admin, name: UserName, change: UserChange) -> User:
    """Give a user another role or password; a new password ends their sessions."""
    about = {"user": name, "role": change.role, "password": change.password is not None}
    with site.changing(who, "user.change", **about) as connection:
        if change.role is not None:
            accounts.change_role(connection, name, change.role)
        if change.password is not None:
            accounts.set_password(connection, name, change.password)
        return accounts.find(connection, name)


@router.delete("/users/{name}", status_code=204, responses=responses(404))
def remove_user(site: TheSite, who: Admin, name: UserName) -> Response:
    """Remove a user: sessions end at once, tokens are worth nothing; what they did stays."""
    with site.changing(who, "user.remove", user=name) as connection:
        accounts.remove(connection, name)
    return Response(status_code=204)


@router.post("/users/{name}/link", status_code=201, responses=responses(404))
def make_link(site: TheSite, who: Admin, name: UserName) -> Secret:
    """Make a path that signs a browser in as a user, once, within a day."""
    with site.changing(who, "user.link", user=name) as connection:
        user = accounts.find(connection, name)
        secret = accounts.link(connection, user, timedelta(days=1))
    return Secret(secret=f"{site.settings.public_url or ''}/sign-in/{secret}")


@router.get("/tokens")
def list_tokens(
    site: TheSite, _who: Admin, user: Annotated[str | None, Query(max_length=64)] = None
) -> list[Token]:
    """List the tokens that are good or expired, without their secrets."""
    with site.reading() as connection:
        return accounts.list_tokens(connection, user)


@router.post("/tokens", status_code=201, responses=responses(404))
def create_token(site: TheSite, who: Admin, new: NewToken) -> Secret:
    """Make a token; the answer is the only time that it can be seen."""
    lifetime = None if new.days is None else timedelta(days=new.days)
    with site.changing(who, "token.create", user=new.user, token=new.name) as connection:
        owner = accounts.find(connection, new.user)
        return Secret(secret=accounts.issue(connection, owner, new.name, new.role, lifetime))


@router.delete("/tokens/{token_id}", status_code=204, responses=responses(404))
def revoke_token(
    site: TheSite, who: Admin, token_id: Annotated[Id, Path(description="A token's number.")]
) -> Response:
    """Make a token worth nothing, at once."""
    with site.changing(who, "token.revoke", token=token_id) as connection:
        accounts.revoke(connection, token_id)
    return Response(status_code=204)


@router.get("/audit")
def list_audit(
    site: TheSite,
    _who: Admin,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[Entry]:
    """List what was changed, by whom and from where, newest first."""
    key = read(cursor, int)
    with site.reading() as connection:
        found = accounts.entries(connection, int(key[0]) if key else None, limit + 1)
    return listed(found, limit, lambda entry: [entry.id], request, response)
