from __future__ import annotations

import json
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import DEPLOY, LONGEST_STOP, assert_settings, load
from workers.settings import Settings, without_password

COMPOSE = load(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = [name for name in SERVICES if name.startswith("worker")]


def test_it_is_valid_compose() -> None:
    compose_spec = pytest.importorskip("compose_spec")
    compose_spec.PyCompose.from_json(json.dumps(COMPOSE)).validate()


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_refers_to_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
    assert set(service.get("depends_on", [])) <= SERVICES.keys()
    for other, how in (
        service["depends_on"].items() if isinstance(service.get("depends_on"), dict) else []
    ):
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]
    for secret in service.get("secrets", []):
        assert (secret if isinstance(secret, str) else secret["source"]) in COMPOSE["secrets"]
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).is_dir()
        else:
            assert source in COMPOSE["volumes"]
    if "build" in service:
        context = DEPLOY / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).is_file()
    else:
        image, _, tag = service["image"].rpartition(":")
        assert image
        assert tag != "latest"


def test_only_this_machine_reaches_what_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    for name in ("postgres", "valkey", "minio", "prometheus", *WORKERS):
        assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_time_to_stop_and_is_confined(name: str) -> None:
    worker = SERVICES[name]
    assert float(worker["stop_grace_period"].removesuffix("s")) >= LONGEST_STOP
    assert_settings(list(worker["environment"]))
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    port = worker["environment"]["LEDGERMILL_METRICS_PORT"]
    assert f":{port}/healthz" in worker["healthcheck"]["test"][-1]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `secrets/make` makes, in a folder of the test's own."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    folder.mkdir()
    shutil.copy(DEPLOY / "secrets" / "make", folder)
    subprocess.run(["sh", folder / "make"], check=True)
    return folder


def test_every_secret_is_made_once(secrets: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    wanted |= {Path(s["env_file"]).name for s in SERVICES.values() if "env_file" in s}
    assert wanted <= {path.name for path in secrets.iterdir()}
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert subprocess.run(["sh", secrets / "make"], capture_output=True).returncode == 1
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE((secrets / "s3.env").stat().st_mode) == 0o600


def test_the_settings_that_are_made_are_settings(secrets: Path) -> None:
    chosen = Settings(**tomllib.loads((secrets / "ledgermill.toml").read_text()))
    assert chosen.database_url is not None
    password = (secrets / "postgres_password").read_text()
    assert len(password) == 48
    assert f":{password}@postgres/" in chosen.database_url
    assert password not in without_password(chosen.database_url)
    assert password not in repr(chosen)
    broker = (secrets / "flower.env").read_text().strip().partition("=")[2]
    assert broker == chosen.broker_url


def test_the_broker_writes_what_it_has_and_evicts_nothing(secrets: Path) -> None:
    said = dict(
        line.split(maxsplit=1) for line in (secrets / "valkey.conf").read_text().splitlines()
    )
    assert said["appendonly"] == "yes"
    assert said["maxmemory-policy"] == "noeviction"
    assert len(said["requirepass"]) == 48
