"""What a user may do: each role may do all that those before it may."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["reader", "corrector", "operator", "admin"]
"""A reader looks, a corrector says what stands there, an operator runs jobs, admins add users."""

ROLES: tuple[Role, ...] = get_args(Role)


def at_least(has: Role, needs: Role) -> bool:
    """Return whether somebody of role `has` may do what asks for role `needs`."""
    return ROLES.index(has) >= ROLES.index(needs)


def lesser(one: Role, other: Role) -> Role:
    """Return the role of the two that may do less."""
    return min(one, other, key=ROLES.index)
