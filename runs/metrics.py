"""What collectors measure of the engine: read from the database when they ask, so that every process says the same."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controlplane.domain.database import DATABASE_AWAY
from controlplane.events.queries import last_id
from runs.statistics import known_workers, live_everywhere, queued_everywhere


class EngineCollector(Collector):
    """All projects together. While the database is away only `sparkops_database_up` is left, and is 0."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = [*of_runs(), *of_workers(), CounterMetricFamily("sparkops_events", "Events written.", last_id())]
        except DATABASE_AWAY:
            found = []
        yield GaugeMetricFamily("sparkops_database_up", "Whether PostgreSQL answers.", bool(found))
        yield from found


def of_runs() -> Iterator[Metric]:
    live = GaugeMetricFamily("sparkops_live_runs", "Unfinished runs by state.", labels=["state"])
    for state, count in live_everywhere().items():
        live.add_metric([state], count)
    yield live
    count, seconds = queued_everywhere()
    yield GaugeMetricFamily("sparkops_queued_steps", "Steps that a worker could take now.", count)
    yield GaugeMetricFamily("sparkops_oldest_queued_step_seconds", "How long the oldest of them has waited.", seconds)


def of_workers() -> Iterator[Metric]:
    present = [worker for worker in known_workers() if not worker.is_stale]
    yield GaugeMetricFamily("sparkops_workers", "Workers that beat lately.", len(present))
    yield GaugeMetricFamily("sparkops_worker_slots", "Steps they could do at once.", sum(one.slots for one in present))
    yield GaugeMetricFamily("sparkops_busy_worker_slots", "Steps they do now.", sum(one.busy for one in present))


ENGINE = CollectorRegistry(auto_describe=False)
ENGINE.register(EngineCollector())
