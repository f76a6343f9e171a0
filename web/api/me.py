"""Who one is."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from storage.accounts import Role
from web.security.principal import Reader

router = APIRouter(tags=["users and tokens"])


class Me(BaseModel):
    """Whoever asks; `user` is null for anybody, where reading is public."""

    user: str | None
    role: Role


@router.get("/me")
def me(who: Reader) -> Me:
    """Say who asks."""
    return Me(user=who.name, role=who.role)
