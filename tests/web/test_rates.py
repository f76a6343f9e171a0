"""How often anybody may ask: counted together, and alone where the broker is away."""

from __future__ import annotations

import secrets

import pytest

from web.problems import Problem
from web.security.rates import Rates
from workers.services import Endpoints


def test_those_who_know_one_broker_count_together(services: Endpoints) -> None:
    first, second = Rates(services.broker_url), Rates(services.broker_url)
    who = secrets.token_hex(8)
    for rates in (first, second, first):
        rates.hit(3, "user", who)
    for refused in (first.hit, second.hit, second.check):
        with pytest.raises(Problem) as problem:
            refused(3, "user", who)
        assert problem.value.status == 429
        assert 1 <= int(problem.value.headers["Retry-After"]) <= 60
    second.hit(3, "user", secrets.token_hex(8))


def test_without_a_broker_one_still_counts(tmp_path: object) -> None:
    rates = Rates(f"redis+socket://{tmp_path}/none.sock")
    rates.hit(1, "user", "anna")
    with pytest.raises(Problem):
        rates.hit(1, "user", "anna")
