"""The database of the commands that ask it themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy


@contextlib.contextmanager
def connected() -> Iterator[sqlalchemy.Connection]:
    """Return a connection; embedded services are started where they do not run."""
    from storage.database import connect
    from workers.services import ensure

    engine = connect(ensure().database_url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
