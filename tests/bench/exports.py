"""The three formats at a hundred thousand rows and a million: files made by the worker, whose memory must stay flat."""

from __future__ import annotations

import time

import psutil

from tests.bench.bulk import make_runs
from tests.bench.portal import Portal
from tests.bench.results import Report
from tests.bench.world import BenchWorld

ROWS, MANY = 100_000, 1_000_000
AIMS = {"csv": 10, "json": 10, "xlsx": 60}


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    worker = psutil.Process(portal.roles["worker"].pid)
    make_runs(portal, world, ROWS)
    order(world, "xlsx", worker)
    for format, aim in AIMS.items():
        seconds = made(report, world, worker, format, ROWS)
        report.add(f"{ROWS:,} runs as {format}", seconds, "s", aim=f"<= {aim}", met=seconds <= aim)
    make_runs(portal, world, MANY)
    for format in AIMS:
        report.add(f"{MANY:,} runs as {format}", made(report, world, worker, format, MANY), "s")


def made(report: Report, world: BenchWorld, worker: psutil.Process, format: str, rows: int) -> float:
    """Seconds until the file is there."""
    seconds, growth, manifest = order(world, format, worker)
    assert manifest["rows"] == rows, manifest
    name = f"growth of worker meanwhile ({manifest['bytes'] / 2**20:.0f} MiB)"
    report.add(name, growth, "MiB", aim="<= 50", met=growth <= 50)
    return seconds


def order(world: BenchWorld, format: str, worker: psutil.Process) -> tuple[float, float, dict[str, object]]:
    """(seconds, growth of the worker in MiB, manifest)."""
    api, before, peak = world.client(), worker.memory_info().rss, 0
    started = time.perf_counter()
    body = {"project": "bench", "list": "runs", "format": format}
    address = f"/api/v1/operations/{api.post('/api/v1/exports', json=body).json()['id']}"
    while (said := api.get(address).json())["status"] in ("queued", "running"):
        peak = max(peak, worker.memory_info().rss)
        time.sleep(0.1)
    assert said["status"] == "succeeded", said
    return time.perf_counter() - started, max(0, peak - before) / 2**20, said["manifest"]
