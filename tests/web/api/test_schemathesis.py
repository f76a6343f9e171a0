"""The API against its own description: whatever is sent, it answers as it says it does."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.library import Library

EXAMPLES = 2
"""Of each endpoint; `schemathesis run URL/api/v1/openapi.json` draws more."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.timeout(300)
def test_no_request_is_answered_other_than_described(
    app: FastAPI, library: Library, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.jobs.events._LONGEST_SECONDS", 0.1)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 40
    headers = {"Authorization": f"Bearer {tokens['admin']}"}
    # Last, what could remove the one who asks.
    for operation in sorted(operations, key=lambda each: each.method == "delete"):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answers_as_described(case: Case[Any]) -> None:
            case.call_and_validate(checks=CHECKS, headers=headers)

        answers_as_described()
