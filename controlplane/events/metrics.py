"""What collectors measure of events."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from controlplane.events.queries import last_id


def measure() -> Iterator[Metric]:
    yield CounterMetricFamily("sparkops_events", "Events written.", last_id())
