"""The database's schema, step by step (Alembic); `storage.database.migrate` takes the steps."""
