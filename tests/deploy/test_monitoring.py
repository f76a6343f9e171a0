"""What Prometheus and Grafana ask for is what workers answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.files import DEPLOY, load
from tests.workers.monitoring.test_metrics import WORK
from workers.monitoring.metrics import Metrics
from workers.monitoring.survey import Survey

RULES = load(DEPLOY / "prometheus" / "rules.yaml")
BOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "ledgermill.json").read_text())
PROMETHEUS = load(DEPLOY / "prometheus" / "prometheus.yaml")

rules: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in rules] + [
    target["expr"] for panel in BOARD["panels"] for target in panel["targets"]
]


def names() -> dict[str, set[str]]:
    """Return the name of every sample that a worker may show, with its labels."""
    metrics = Metrics(lambda: Survey(WORK, {"digitize": 1}))
    for name, label in (
        ("stage", "detect"),
        ("device", "busy"),
        ("confidence", ""),
        ("process_end", "exit 0"),
    ):
        metrics.add(name, label, 0.5)
    families = text_string_to_metric_families(metrics.exposition().decode())
    found = {s.name: set(s.labels) for family in families for s in family.samples}
    return found | {rule["record"]: {"instance"} for rule in rules if "record" in rule}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(expression: str) -> None:
    there = names()
    asked = re.findall(r"\bledgermill[a-z0-9_:]+", re.sub(r'"[^"]*"', '""', expression))
    assert asked or "up{" in expression
    assert set(asked) <= there.keys()
    for name, selector in re.findall(r"(ledgermill[a-z0-9_:]+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= there[name]
    for labels in re.findall(r"\bby \(([^)]*)\)", expression):
        known = {"instance"}.union(*(there[name] for name in asked))
        assert set(re.split(r",\s*", labels)) <= known
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)


def test_expressions_are_promql() -> None:
    promql_parser = pytest.importorskip("promql_parser")
    for expression in EXPRESSIONS:
        promql_parser.parse(expression)


def test_rules_are_as_prometheus_wants_them() -> None:
    names = [rule.get("alert") or rule["record"] for rule in rules]
    assert len(set(names)) == len(names)
    for rule in rules:
        assert rule.keys() <= {"record", "alert", "expr", "for", "labels", "annotations"}
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("info", "warning", "critical")
            assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    assert PROMETHEUS["rule_files"] == ["rules.yaml"]


def test_prometheus_finds_the_workers_of_compose() -> None:
    services = load(DEPLOY / "compose.yaml")["services"]
    (job,) = PROMETHEUS["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    for name in found["names"]:
        assert services[name]["environment"]["LEDGERMILL_METRICS_PORT"] == str(found["port"])
    assert all(f'job="{job["job_name"]}"' in e for e in EXPRESSIONS if "up{" in e)


def test_panels_do_not_overlap_and_know_their_source() -> None:
    source = load(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        places = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & taken
        assert max(x for x, _ in places) < 24
        taken |= places
        assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
