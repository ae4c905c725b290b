"""What collectors measure of reactions, read from the database when they ask."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from controlplane.events.models import ReactionCursor
from controlplane.events.reactions import reading
from controlplane.events.reactions.declared import installed

# Of each type; further on the number says no more than that somebody has to look.
MOST_COUNTED = 10_000


def measure() -> Iterator[Metric]:
    lag = reading.lag(installed.values(), most=MOST_COUNTED)
    yield gauge("lag_events", "Events that wait for it, to 10,000 a type.", {name: row[0] for name, row in lag.items()})
    yield gauge("lag_seconds", "How long the oldest has waited.", {name: row[1] for name, row in lag.items()})
    rows = ReactionCursor.objects.filter(name__in=installed).annotate(aside=Count("set_aside"))
    yield gauge("set_aside_events", "Events that it was given up for.", {row.name: row.aside for row in rows})
    failures = CounterMetricFamily("sparkops_reaction_failures", "Tries that raised.", labels=["reaction"])
    for row in rows:
        failures.add_metric([row.name], row.failures_total)
    yield failures


def gauge(name: str, says: str, values: dict[str, float]) -> GaugeMetricFamily:
    """One value a reaction."""
    family = GaugeMetricFamily(f"sparkops_reaction_{name}", says, labels=["reaction"])
    for reaction, value in values.items():
        family.add_metric([reaction], value)
    return family
