"""Users, their tokens and sessions, and what was done through the web."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_ROLES = "role in ('reader', 'corrector', 'operator', 'admin')"


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        _time("created_at", server_default=sa.func.clock_timestamp(), nullable=False),
        _time("removed_at"),
        sa.CheckConstraint(_ROLES, name=op.f("user_role_check")),
        sa.PrimaryKeyConstraint("id", name="user_pkey"),
        schema="mill",
    )
    op.create_index(
        "user_name_idx",
        "user",
        ["name"],
        unique=True,
        schema="mill",
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        _time("created_at", server_default=sa.func.clock_timestamp(), nullable=False),
        _time("expires_at"),
        _time("used_at"),
        _time("revoked_at"),
        sa.CheckConstraint(_ROLES, name=op.f("token_role_check")),
        sa.ForeignKeyConstraint(["user_id"], ["mill.user.id"], name="token_user_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="token_pkey"),
        sa.UniqueConstraint("prefix", name="token_prefix_key"),
        schema="mill",
    )
    op.create_index("token_user_id_idx", "token", ["user_id"], schema="mill")
    for name in ("session", "sign_in_link"):
        created = [_time("created_at", server_default=sa.func.clock_timestamp(), nullable=False)]
        op.create_table(
            name,
            sa.Column("hash", sa.Text(), nullable=False),
            sa.Column("user_id", sa.BigInteger(), nullable=False),
            *(created if name == "session" else []),
            _time("expires_at", nullable=False),
            sa.ForeignKeyConstraint(["user_id"], ["mill.user.id"], name=f"{name}_user_id_fkey"),
            sa.PrimaryKeyConstraint("hash", name=f"{name}_pkey"),
            schema="mill",
        )
        op.create_index(f"{name}_user_id_idx", name, ["user_id"], schema="mill")
        op.create_index(f"{name}_expires_at_idx", name, ["expires_at"], schema="mill")
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _time("at", server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
        schema="mill",
    )
    op.create_index("audit_at_idx", "audit", ["at"], schema="mill")


def _time(name: str, **said: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **said)  # type: ignore[arg-type]


def downgrade() -> None:
    for name in ("audit", "sign_in_link", "session", "token", "user"):
        op.drop_table(name, schema="mill")
