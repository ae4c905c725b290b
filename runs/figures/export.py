"""Series as CSV, a line a bucket: the lines add up to the totals. Times are the project's, each with its offset."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse

from runs.figures.measures import CallFigures, RunFigures
from runs.figures.series import Series
from runs.models import RUN_FINAL


def of_runs(figures: RunFigures) -> dict[str, Any]:
    """A line's values by column."""
    values = figures.as_json()
    del values["ended"]
    states = {str(state): figures.count(state) for state in RUN_FINAL}
    return {"runs": values.pop("runs"), "started": values.pop("started"), **states, **values}


def of_calls(figures: CallFigures) -> dict[str, Any]:
    values = figures.as_json()
    latency: Mapping[str, Any] = values.pop("latency_ms")
    return values | {f"latency_{name}_ms": value for name, value in latency.items()}


def csv_text(series: Series[Any], values: Callable[[Any], Mapping[str, Any]]) -> str:
    """The header and a line for each bucket, empty ones included. `values` is `of_runs` or `of_calls`."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["start", "end", *values(series.nothing)])
    for bucket, figures in series.by_bucket:
        lines.writerow([bucket.start.isoformat(), bucket.end.isoformat(), *values(figures).values()])
    return text.getvalue()


def csv_file(series: Series[Any], values: Callable[[Any], Mapping[str, Any]], name: str) -> HttpResponse:
    """As a download."""
    return HttpResponse(
        csv_text(series, values),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
