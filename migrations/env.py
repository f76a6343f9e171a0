"""What Alembic runs: every step that is missing, in one transaction, one process at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Engine, text

from storage import partitions, views
from storage.schema import SCHEMA, Base

_LOCK = 0x6C65646765726D  # "ledgerm"


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table_schema=SCHEMA,
            include_schemas=True,
            compare_server_default=True,
        )
        views.drop(connection)
        context.run_migrations()
        partitions.grow(connection)
        views.create(connection)


_upgrade(context.config.attributes["engine"])
