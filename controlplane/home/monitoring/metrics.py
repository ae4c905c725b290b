"""What collectors measure: read from the database when they ask, so that every process says the same."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controlplane.domain.database import DATABASE_AWAY
from controlplane.portal.registry import load, metrics


class PortalCollector(Collector):
    """What every app measures. While the database is away only `sparkops_database_up` is left, and is 0."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = [metric for path in metrics for metric in load(path)()]
        except DATABASE_AWAY:
            found = []
        yield GaugeMetricFamily("sparkops_database_up", "Whether PostgreSQL answers.", bool(found))
        yield from found


INSTALLATION = CollectorRegistry(auto_describe=False)
INSTALLATION.register(PortalCollector())
