from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
import yaml  # type: ignore[import-untyped]
from sqlalchemy import text

from storage import jobs
from tests.deploy.files import DEPLOY, LONGEST_STOP, assert_settings, load, load_all
from workers.app import QUEUES

FOLDER = DEPLOY / "kubernetes"
OVERLAYS = sorted((FOLDER / "overlays").iterdir())
BASE = [
    document
    for name in load(FOLDER / "base" / "kustomization.yaml")["resources"]
    for document in load_all(FOLDER / "base" / name)
]
GIVEN = {"ledgermill", "ledgermill-s3", "ledgermill-scaler"}
"""Secrets that README.md says to make."""

Resources = dict[tuple[str, str], Any]


def of(kind: str) -> Iterator[Any]:
    return (document for document in BASE if document["kind"] == kind)


DEPLOYMENTS = {each["metadata"]["name"]: each for each in of("Deployment")}


def test_every_file_of_the_base_is_used() -> None:
    listed = load(FOLDER / "base" / "kustomization.yaml")["resources"]
    there = {path.name for path in (FOLDER / "base").iterdir()} - {"kustomization.yaml"}
    assert set(listed) == there
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_changes_what_is_there(overlay: Path) -> None:
    said = load(overlay / "kustomization.yaml")
    assert all((overlay / name / "kustomization.yaml").is_file() for name in said["resources"])
    for patch in said.get("patches", []):
        change = load(overlay / patch["path"])
        target = DEPLOYMENTS[change["metadata"]["name"]]
        ours = {c["name"] for c in target["spec"]["template"]["spec"]["containers"]}
        assert {c["name"] for c in change["spec"]["template"]["spec"]["containers"]} <= ours


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_worker_refers_to_what_is_there(name: str) -> None:
    generated = load(FOLDER / "base" / "kustomization.yaml")["configMapGenerator"]
    maps = {each["name"] for each in generated}
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for source in container["envFrom"]:
        if "configMapRef" in source:
            assert source["configMapRef"]["name"] in maps
        else:
            assert source["secretRef"]["name"] in GIVEN
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert pod["serviceAccountName"] in {each["metadata"]["name"] for each in of("ServiceAccount")}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    literals = dict(line.split("=", 1) for each in generated for line in each["literals"])
    assert_settings(list(literals))
    assert int(literals["LEDGERMILL_METRICS_PORT"]) == ports["metrics"]
    home = literals["LEDGERMILL_HOME"]
    assert home in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_worker_has_time_to_stop_and_is_confined(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= LONGEST_STOP
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_every_queue_has_a_worker() -> None:
    served: list[str] = []
    for deployment in DEPLOYMENTS.values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["args"][:2] == ["worker", "--queues"]
        served += container["args"][2].split(",")
    assert sorted(served) == sorted(QUEUES)


def test_budgets_and_scaling_name_their_workers() -> None:
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"] for name, each in DEPLOYMENTS.items()
    }
    budgets = [each["spec"]["selector"]["matchLabels"] for each in of("PodDisruptionBudget")]
    for found in labels.values():
        assert sum(budget.items() <= found.items() for budget in budgets) == 1
    (scaled,) = of("ScaledObject")
    target = DEPLOYMENTS[scaled["spec"]["scaleTargetRef"]["name"]]
    assert "replicas" not in target["spec"], "who scales and who applies would undo each other"
    assert target["spec"]["template"]["spec"]["containers"][0]["args"][2] == "digitize"
    authentications = {each["metadata"]["name"]: each for each in of("TriggerAuthentication")}
    (trigger,) = scaled["spec"]["triggers"]
    (secret,) = authentications[trigger["authenticationRef"]["name"]]["spec"]["secretTargetRef"]
    assert secret["name"] in GIVEN


def test_readme_says_how_to_make_the_secrets() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for name in GIVEN:
        assert f"create secret generic {name} " in readme


def test_scaling_counts_the_pages_that_wait(
    engine: sqlalchemy.Engine, make_job: Callable[..., int]
) -> None:
    (scaled,) = of("ScaledObject")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]

    def count() -> int:
        with engine.begin() as connection:
            return int(connection.execute(text(query)).scalar_one())

    job_id = make_job(5)
    assert count() == 5
    with engine.begin() as connection:
        (token,) = jobs.queue_pages(connection, job_id, 2, 1)
        jobs.claim(connection, token, "w")
    assert count() == 5, "a worker is not taken from the pages that it reads"
    with engine.begin() as connection:
        jobs.page_failed(connection, token, 1, "torn")
    assert count() == 4
    with engine.begin() as connection:
        jobs.cancel(connection, job_id)
    assert count() == 0


@pytest.fixture(params=OVERLAYS, ids=lambda path: path.name)
def built(request: pytest.FixtureRequest) -> list[Any]:
    """Return what kustomize makes of an overlay."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not here")
    done = subprocess.run(
        [kubectl, "kustomize", request.param], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def test_kustomize_builds_it(built: list[Any]) -> None:
    (policy,) = (each for each in built if each["kind"] == "NetworkPolicy")
    workers = [each for each in built if each["kind"] == "Deployment"]
    assert len(workers) == 2
    gpu = []
    for worker in workers:
        labels = worker["spec"]["template"]["metadata"]["labels"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        (container,) = worker["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith("registry.example.org/ledgermill:")
        if "nvidia.com/gpu" in container["resources"]["limits"]:
            assert container["image"].endswith(":cuda")
            assert "nodeSelector" in worker["spec"]["template"]["spec"]
            gpu.append(worker["metadata"]["name"])
    cuda = any("cuda" in yaml.dump(worker) for worker in workers)
    assert gpu == (["ledgermill-digitize"] if cuda else [])


def test_kubernetes_takes_it(built: list[Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for document in built:
        if not document["apiVersion"].startswith("keda.sh/"):
            validate.validate(document, validate.latest_version(), strict=True)
