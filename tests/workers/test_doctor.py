from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from workers import doctor
from workers.cli import main
from workers.settings import settings


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("services")
def test_this_machine_has_what_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["doctor", "--json"]) == 0
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    for name in ("python", "opencv", "weights", "locale", "database", "schema", "broker"):
        assert found[name]["state"] == "ok", found[name]
    assert found["objects"]["detail"] == "can be written and read"


def test_poppler_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    (check,) = doctor._poppler()
    assert check.state == "warning"
    assert check.remedy is not None
    assert check.remedy.endswith("apt-get install -y poppler-utils")


def test_a_full_disk_is_required_to_be_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 10_000

    monkeypatch.setattr(shutil, "disk_usage", lambda *_: Usage)
    (check,) = doctor._home()
    assert check.state == "missing"


def test_what_is_configured_must_be_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://joe:hunter2@127.0.0.1:1/db")
    monkeypatch.setenv("BROKER_URL", "redis://:hunter2@127.0.0.1:1/0")
    monkeypatch.setenv("OBJECT_STORE", "s3://bucket?endpoint=http://127.0.0.1:1")
    assert main.run(["doctor", "--json"]) == 1
    shown = capsys.readouterr()
    assert "hunter2" not in shown.out + shown.err
    found: dict[str, Any] = {check["name"]: check for check in json.loads(shown.out)}
    for name in ("database", "broker", "objects"):
        assert found[name]["state"] == "missing"
        assert found[name]["remedy"]


def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.setenv("LEDGERMILL_DEVICE", "cuda:0")
    (check,) = doctor._device()
    assert check.state == "missing"
