"""Prometheus metrics of one worker, all its processes together, and of what all workers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipeline.version import CODE_VERSION
from workers.monitoring.survey import Survey

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150)
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0)


class Metrics:
    """What a worker's processes measured, added up, and the latest survey."""

    def __init__(self, latest: Callable[[], Survey | None] = lambda: None) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Surveyed(latest))
        # By the names that the processes use (`workers.monitoring.measure`).
        self._measured: dict[str, Counter | Histogram] = {
            "page": self._counter("pages_read", "Pages read by this worker."),
            "source": self._counter("sources_taken_in", "Sources opened by this worker."),
            "retry": self._counter("retries", "Pages begun that had been begun before."),
            "device": self._counter(
                "device_seconds",
                "Seconds of shards at hand that the networks worked, or stood still.",
                "state",
            ),
            "stage": self._histogram(
                "stage_seconds",
                "Seconds of one call of a stage; recognize reads the crops of several pages.",
                SECONDS,
                "stage",
            ),
            "confidence": self._histogram(
                "page_confidence",
                "Mean confidence of a page's lines and cells that hold text.",
                CONFIDENCES,
            ),
            "process_end": self._counter(
                "process_ends", "Processes of this worker that ended, by how they did.", "how"
            ),
        }

    def add(self, name: str, label: str, value: float) -> None:
        """Count one measurement; what has no metric is passed over."""
        metric = self._measured.get(name)
        if metric is None:
            return
        if bool(label) != bool(metric._labelnames):
            return
        one = metric.labels(label) if label else metric
        if isinstance(one, Histogram):
            one.observe(value)
        elif value >= 0:
            one.inc(value)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, namespace="ledgermill", registry=self._registry)

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(
            name, about, labels, namespace="ledgermill", registry=self._registry, buckets=buckets
        )


class _Surveyed(Collector):
    """Turns the latest survey into gauges, whenever somebody looks."""

    def __init__(self, latest: Callable[[], Survey | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("ledgermill_build", "The code.", {"version": CODE_VERSION})
        survey = self._latest()
        if survey is None:
            return
        yield _gauge("database_up", "Whether Postgres answered.", survey.work is not None)
        yield _gauge("broker_up", "Whether the broker answered.", survey.messages is not None)
        if survey.messages is not None:
            yield _gauges("queue_messages", "Messages that wait.", "queue", survey.messages)
        if survey.work is None:
            return
        work = survey.work
        yield _gauges("pages", "Pages of jobs that are not finished.", "state", work.pages)
        yield _gauges("sources", "Sources of jobs that are not finished.", "state", work.sources)
        yield _gauge("quarantined_pages", "Pages set aside, of all jobs.", work.quarantined)
        yield _gauge("held_jobs", "Jobs held because all that is tried fails.", work.held)
        yield _gauges(
            "oldest_waiting_seconds",
            "Since when the oldest work that nobody is at has been asked for.",
            "kind",
            work.oldest,
        )


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ledgermill_{name}", about, value=float(value))


def _gauges(name: str, about: str, label: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"ledgermill_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
