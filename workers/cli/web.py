"""`serve`, `user`, `token`: the web application and who may use it."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import LedgermillError
from workers.cli.output import console, one_line, print_json, print_line

if TYPE_CHECKING:
    import socket

    import sqlalchemy

    from storage.accounts import Role, User

app = typer.Typer()
users = typer.Typer(no_args_is_help=True, help="Who may use the web application.")
tokens = typer.Typer(no_args_is_help=True, help="What programs show to the web application.")
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
RoleOption = Annotated[
    str, typer.Option(help="reader, corrector, operator or admin; each may what the former may.")
]

_LINK_LIFETIME = timedelta(days=1)
_BACKLOG = 2048


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on, such as 0.0.0.0 for every network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="How many answer; as many as cores, at most 4, if not given."),
    ] = None,
) -> None:
    """Serve the web application until interrupted; on this machine alone unless --host says so.

    Prints a link that signs a browser in, once. On the embedded services it starts a worker when
    something is uploaded and nobody else reads it.
    """
    from web import processes as serving
    from web.working import working
    from workers import services
    from workers.logging import set_up
    from workers.settings import settings

    chosen = settings()
    set_up(chosen.log_level)
    with console().status("starting the services"):
        endpoints = services.ensure()
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
    where = chosen.public_url or f"http://{shown}:{listening.getsockname()[1]}"
    _greet(where)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        if chosen.broker_url is None and chosen.database_url is None:
            stack.enter_context(working(chosen, endpoints.database_url))
        how = serving.How((host,), proxied=chosen.public_url is not None)
        serving.run(listening, processes or serving.usual(), how)


def _listen(host: str, port: int) -> socket.socket:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)  # whoever comes at once waits until somebody answers
    except OSError as error:
        raise LedgermillError(
            f"{host}:{port}: cannot be listened on ({error.strerror}); "
            "choose another --port or --host"
        ) from error
    return listening


def _greet(where: str) -> None:
    from storage import accounts

    with _changing() as connection:
        known = accounts.list_users(connection)
        name = _own_name()
        if not known:
            user: User | None = accounts.add(connection, name, "admin")
        else:
            user = next((each for each in known if each.name == name), None)
        secret = accounts.link(connection, user, _LINK_LIFETIME) if user else None
    if secret is None:
        print_line(f"Ledgermill is at {where}/")
    else:
        print_line(f"Ledgermill is at {where}/sign-in/{secret}")
        print_line(f"The link signs in as {name}, once, within a day; Ctrl-C ends the server.")


def _own_name() -> str:
    import re

    return re.sub(r"[^\w.@+-]", "_", getpass.getuser())[:64] or "admin"


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Letters, digits and . _ @ + -")],
    role: RoleOption = "reader",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password (or read it from stdin).")
    ] = False,
) -> None:
    """Add a user; without a password they sign in by a link (`ledgermill user link`)."""
    from storage import accounts

    chosen = _ask_password() if password else None
    with _changing("user.add", user=name, role=role) as connection:
        accounts.add(connection, name, _role(role), chosen)


@users.command("list")
def list_users(json: Json = False) -> None:
    """List the users and their roles."""
    from storage import accounts
    from workers.cli.database import connected

    with connected() as connection:
        found = accounts.list_users(connection)
    if json:
        print_json([asdict(user) for user in found])
        return
    for user in found:
        how = "password" if user.has_password else "link"
        print_line(f"{one_line(user.name):24} {user.role:10} {how}")


@users.command("remove")
def remove_user(name: str) -> None:
    """Remove a user: sessions end at once, tokens are worth nothing; what they did stays."""
    from storage import accounts

    with _changing("user.remove", user=name) as connection:
        accounts.remove(connection, name)


@users.command("role")
def change_role(name: str, role: Annotated[str, typer.Argument(help="The new role.")]) -> None:
    """Give a user another role."""
    from storage import accounts

    with _changing("user.role", user=name, role=role) as connection:
        accounts.change_role(connection, name, _role(role))


@users.command("password")
def set_password(name: str) -> None:
    """Ask for a user's new password (or read it from stdin) and end their sessions."""
    from storage import accounts

    chosen = _ask_password()
    with _changing("user.password", user=name) as connection:
        accounts.set_password(connection, name, chosen)


@users.command("link")
def make_link(
    name: str,
    hours: Annotated[float, typer.Option(min=0.1, max=720, help="How long it is good.")] = 24,
) -> None:
    """Print a path that signs in as a user, once: put it behind the site's address."""
    from storage import accounts
    from workers.settings import settings

    with _changing("user.link", user=name) as connection:
        user = accounts.find(connection, name)
        secret = accounts.link(connection, user, timedelta(hours=hours))
    print_line(f"{settings().public_url or ''}/sign-in/{secret}")


@tokens.command("create")
def create_token(
    user: Annotated[str, typer.Argument(help="Whose token it is.")],
    name: Annotated[str, typer.Option(help="What it is for, such as 'nightly export'.")],
    role: Annotated[
        str | None, typer.Option(help="May do no more than this role; the user's if not given.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0.01, help="How long it is good; for ever if not given.")
    ] = None,
) -> None:
    """Make a token and print it: the only time that it can be seen."""
    from storage import accounts

    lifetime = None if days is None else timedelta(days=days)
    with _changing("token.create", user=user, token=name) as connection:
        owner = accounts.find(connection, user)
        chosen = owner.role if role is None else _role(role)
        written = accounts.issue(connection, owner, name, chosen, lifetime)
    print_line(written)


@tokens.command("list")
def list_tokens(json: Json = False) -> None:
    """List the tokens that are good or expired, without their secrets."""
    from storage import accounts
    from workers.cli.database import connected

    with connected() as connection:
        found = accounts.list_tokens(connection)
    if json:
        print_json([asdict(token) for token in found])
        return
    for token in found:
        until = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else ""
        used = f"used {token.used_at:%Y-%m-%d}" if token.used_at else "unused"
        said = f"{token.id:5} {one_line(token.user):20} {token.role:10} lm_{token.prefix}_… {used}"
        print_line(f"{said} {one_line(token.name)} {until}".rstrip())


@tokens.command("revoke")
def revoke_token(number: Annotated[int, typer.Argument(help="As `token list` says.")]) -> None:
    """Make a token worth nothing, at once."""
    from storage import accounts

    with _changing("token.revoke", token=number) as connection:
        accounts.revoke(connection, number)


@contextlib.contextmanager
def _changing(action: str = "", **about: Any) -> Iterator[sqlalchemy.Connection]:
    """Give a connection that is committed, with a note in the audit log of an action."""
    from storage import accounts
    from workers.cli.database import connected

    with connected() as connection:
        yield connection
        if action:
            accounts.note(
                connection,
                user=None,
                via="command line",
                address=None,
                action=action,
                about={**about, "account": getpass.getuser()},
            )
        connection.commit()


def _role(role: str) -> Role:
    from storage.accounts import ROLES

    if role not in ROLES:
        raise typer.BadParameter(f"{role}: no such role; choose one of {', '.join(ROLES)}")
    return role


def _ask_password() -> str:
    import sys

    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")
