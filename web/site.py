"""What every request works with: the database, the object store, the broker, and the settings.

An endpoint is a plain function that FastAPI runs in a thread. It asks for the site, takes a
connection for as long as it needs one, and gives it back before it answers:

    @router.get("/things")
    def things(site: TheSite, reader: Reader) -> list[Thing]:
        with site.reading() as connection:
            return list_things(connection)

Who changes something takes `site.changing(who, "thing.make", …)`: the change and what the audit log
says of it are one transaction, committed before the answer is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy
from fastapi import Depends, Request

from storage import accounts
from storage.objects import ObjectStore
from storage.sql import reader_url
from web.recognizing import Recognizer
from web.security.rates import Rates
from workers.services import Endpoints
from workers.settings import Settings

if TYPE_CHECKING:
    from web.iiif.pictures import Pictures
    from web.security.principal import Principal

_EXPORTS = 2
"""Exports that are sent at once; each holds a connection for as long as it takes."""


@dataclass(frozen=True)
class Site:
    """Where the application works."""

    settings: Settings
    endpoints: Endpoints
    database: sqlalchemy.Engine
    store: ObjectStore
    recognizer: Recognizer
    pictures: Pictures
    proved: dict[bytes, str] = field(default_factory=dict, repr=False)
    """Tokens that were proved, by SHA-256, with the hash that they proved."""
    rates: Rates = field(default_factory=Rates, repr=False)
    """Who asked how often, in all processes that serve."""
    exporting: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_EXPORTS), repr=False
    )
    """Held by each export that is being sent."""

    @property
    def reader_url(self) -> str:
        """The address of the read-only role, for `storage.sql.ask`."""
        return reader_url(self.endpoints.database_url, self.settings.reader_url)

    @property
    def https(self) -> bool:
        """Whether people reach the site over TLS."""
        return (self.settings.public_url or "").startswith("https:")

    def close(self) -> None:
        """Let go of the database and of the networks."""
        self.recognizer.close()
        self.database.dispose()

    @contextmanager
    def reading(self) -> Iterator[sqlalchemy.Connection]:
        """Give a connection whose transaction cannot write."""
        with self.database.connect() as connection:
            yield connection.execution_options(postgresql_readonly=True)

    @contextmanager
    def at_once(self) -> Iterator[sqlalchemy.Connection]:
        """Give a connection each of whose statements is a transaction: two fewer to wait for."""
        with self.database.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def changing(
        self, who: Principal, action: str, **about: Any
    ) -> Iterator[sqlalchemy.Connection]:
        """Give a connection that is committed at the end, with what the audit log says of it."""
        with self.database.begin() as connection:
            yield connection
            accounts.note(
                connection,
                user=who.name,
                via=who.via,
                address=who.address,
                action=action,
                about=about,
            )


def the_site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(the_site)]
