"""What collectors measure of the engine, all projects together."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from runs.figures.live import known_workers, live_everywhere, queued_everywhere


def measure() -> Iterator[Metric]:
    yield from of_runs()
    yield from of_workers()


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
