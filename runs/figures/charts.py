"""Series as the chart tags take them: {"labels", "series": [{"name", "tone", "values"}], "stacked"?, "unit"?}."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from runs.figures.measures import Share
from runs.figures.series import Series

Chart = dict[str, Any]


def stacked(series: Series[Any], shares: Iterable[Share], measured: Callable[[Any, str], int]) -> Chart:
    """A colour for each of `shares`: their sum is the bar."""
    drawn = [
        {
            "name": one.name,
            "tone": one.tone,
            "values": [measured(figures, one.counted) for _, figures in series.by_bucket],
        }
        for one in shares
    ]
    return {"labels": series.range.labels, "series": drawn, "stacked": True}


def outcomes(series: Series[Any], shares: Iterable[Share]) -> Chart:
    return stacked(series, shares, lambda figures, outcome: figures.count(outcome))


def success(series: Series[Any]) -> Chart:
    """In percent; a gap where nothing ended by itself."""
    values = series.values(lambda figures: percent(figures.success_rate))
    return {
        "labels": series.range.labels,
        "series": [{"name": "Success", "tone": "success", "values": values}],
        "unit": "%",
    }


def durations(series: Series[Any], lines: Iterable[tuple[str, str, str]]) -> Chart:
    """In seconds, a line for each (name, tone, attribute in milliseconds); a gap where nothing was measured."""
    drawn = [
        {"name": name, "tone": tone, "values": [seconds(getattr(figures, of)) for _, figures in series.by_bucket]}
        for name, tone, of in lines
    ]
    return {"labels": series.range.labels, "series": drawn, "unit": "s"}


def costs(series: Series[Any]) -> Chart:
    values = series.values(lambda figures: float(round(figures.cost_usd, 6)))
    return {"labels": series.range.labels, "series": [{"name": "USD", "tone": "info", "values": values}]}


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def seconds(ms: int | None) -> float | None:
    return None if ms is None else round(ms / 1000, 3)
