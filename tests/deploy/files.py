"""The files of `deploy/`, parsed, and what several of them have to agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from workers.settings import PREFIX, Settings
from workers.worker import KILL_AFTER_SECONDS, RECONCILE_SECONDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

LONGEST_STOP = KILL_AFTER_SECONDS + RECONCILE_SECONDS + 10
"""Seconds that whoever stops a worker has to give it, with some to spare."""


def load(path: Path) -> Any:
    (document,) = load_all(path)
    return document


def load_all(path: Path) -> list[Any]:
    with path.open() as file:
        return [document for document in yaml.safe_load_all(file) if document is not None]


def assert_settings(names: list[str]) -> None:
    """Fail where a variable with our prefix is no setting."""
    ours = [name for name in names if name.startswith(PREFIX)]
    assert ours
    assert not {name.removeprefix(PREFIX).lower() for name in ours} - set(Settings.model_fields)
