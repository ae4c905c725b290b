"""Figures as people read them and as var/bench.json keeps them."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `yardstick` is the measured comparison in the same unit, `ratio` value over yardstick.

    `aim` is the budget as text, `met` whether the value keeps it (None: no aim).
    """

    name: str
    value: float
    unit: str
    yardstick: float | None = None
    aim: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        return None if not self.yardstick else round(self.value / self.yardstick, 3)


class Report:
    """Prints each figure as it comes and writes all of them at the end, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: list[Figure] = []

    def add(self, name: str, value: float, unit: str, **more: Any) -> Figure:
        figure = Figure(name, round(value, 3), unit, **more)
        self.figures.append(figure)
        verdict = {True: "kept", False: "MISSED", None: ""}[figure.met]
        beside = f"yardstick {figure.yardstick:g}, ratio {figure.ratio:g}" if figure.ratio is not None else ""
        print(
            f"{figure.name:<62} {figure.value:>10g} {figure.unit:<7} {beside:<34} {figure.aim:<22} {verdict}",
            flush=True,
        )
        return figure

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        keep = ("name", "value", "unit", "yardstick")
        with self.path.open("w", encoding="utf-8") as file:
            for figure in self.figures:
                row = {name: asdict(figure)[name] for name in keep} | {"ratio": figure.ratio}
                file.write(json.dumps(row) + "\n")


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000
