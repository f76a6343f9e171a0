from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from pipeline.version import CODE_VERSION
from workers.monitoring.metrics import Metrics
from workers.monitoring.survey import Survey, Work

WORK = Work(
    {"pending": 5, "done": 7},
    {"pending": 0},
    2,
    {"ingest": 0.0, "digitize": 61.5},
    {"ingest": False, "digitize": False},
    3,
)


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every sample, by its name and the sorted values of its labels."""
    text = metrics.exposition().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_measurements_of_all_processes_are_added_up() -> None:
    metrics = Metrics()
    for value in (0.03, 0.3, 3.0):
        metrics.add("stage", "detect", value)
    metrics.add("page", "", 1)
    metrics.add("page", "", 1)
    metrics.add("device", "busy", 1.5)
    metrics.add("confidence", "", 0.97)
    found = samples(metrics)
    assert found["ledgermill_stage_seconds_count", ("detect",)] == 3
    assert found["ledgermill_stage_seconds_bucket", ("1.0", "detect")] == 2
    assert found["ledgermill_pages_read_total", ()] == 2
    assert found["ledgermill_device_seconds_total", ("busy",)] == 1.5
    assert found["ledgermill_page_confidence_bucket", ("0.98",)] == 1
    assert found["ledgermill_page_confidence_bucket", ("0.95",)] == 0
    assert found["ledgermill_build_info", (CODE_VERSION,)] == 1


def test_what_has_no_metric_or_a_wrong_label_is_passed_over() -> None:
    metrics = Metrics()
    before = samples(metrics)
    for name, label, value in (
        ("moved", "", 1.0),
        ("page", "odd", 1.0),
        ("stage", "", 1.0),
        ("page", "", -1.0),
    ):
        metrics.add(name, label, value)
    changed = {
        key
        for key, value in samples(metrics).items()
        if not key[0].endswith("_created") and before.get(key) != value
    }
    assert changed == set()


def test_what_all_workers_share_comes_from_the_latest_survey() -> None:
    found = samples(Metrics(lambda: Survey(WORK, {"digitize": 3})))
    assert found["ledgermill_pages", ("pending",)] == 5
    assert found["ledgermill_oldest_waiting_seconds", ("digitize",)] == 61.5
    assert found["ledgermill_quarantined_pages", ()] == 2
    assert found["ledgermill_held_jobs", ()] == 3
    assert found["ledgermill_queue_messages", ("digitize",)] == 3
    assert found["ledgermill_database_up", ()] == 1


def test_a_database_that_is_away_has_no_pages_rather_than_none_waiting() -> None:
    found = samples(Metrics(lambda: Survey(None, None)))
    assert found["ledgermill_database_up", ()] == 0
    assert found["ledgermill_broker_up", ()] == 0
    assert not [name for name, _ in found if name.startswith("ledgermill_pages{")]
    assert ("ledgermill_pages", ("pending",)) not in found
