"""One bulk action on ten thousand runs: the preview, the click, and the work behind it."""

from __future__ import annotations

import time

import psycopg

from tests.bench.lists import MAKE
from tests.bench.portal import Portal, wait_until
from tests.bench.results import Report
from tests.bench.world import BenchWorld

ROWS = 10_000
OPEN = "SELECT count(*) FROM runs_run WHERE ended_at IS NULL"


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    make_runs(portal, world, ROWS)
    ids = {"filter": {"status": "failed,succeeded,cancelled", "trigger": "manual,api"}, "project": "bench"}
    carry_out(report, portal, world, "add_tags", {**ids, "arguments": {"tags": ["bench"]}})
    carry_out(report, portal, world, "retry_run", ids)
    started = time.perf_counter()
    wait_until(lambda: not world.value(OPEN), 600)
    report.add(f"the {ROWS:,} retried runs done, after the operation", time.perf_counter() - started, "s")


def make_runs(portal: Portal, world: BenchWorld, count: int) -> None:
    """Finished ones, as rows, and none beside them."""
    workflow = world.workflows["one"]
    where = {"project": world.project.pk, "workflow": workflow.pk, "version": workflow.current_id, "agent": None}
    with psycopg.connect(portal.database_url, autocommit=True) as database:
        database.execute("TRUNCATE runs_run CASCADE")
        database.execute(MAKE.format(count=count), where)
        database.execute("VACUUM ANALYZE runs_run")


def carry_out(report: Report, portal: Portal, world: BenchWorld, action: str, body: dict[str, object]) -> None:
    api = world.client()
    started = time.perf_counter()
    found = api.post("/api/v1/runs/bulk", json={**body, "action": action, "preview": True}).json()
    looked = time.perf_counter() - started
    report.add(f"{action} of {found['total']:,} runs: preview", looked * 1000, "ms", aim="<= 1000", met=looked <= 1)
    started = time.perf_counter()
    answer = api.post("/api/v1/runs/bulk", json={**body, "action": action})
    frozen = time.perf_counter() - started
    report.add(f"{action} of {ROWS:,} runs: frozen and queued", frozen * 1000, "ms", aim="<= 1000", met=frozen <= 1)
    address = f"/api/v1/operations/{answer.json()['id']}"
    wait_until(lambda: api.get(address).json()["status"] not in ("queued", "running"), 600)
    taken, said = time.perf_counter() - started, api.get(address).json()
    assert said["done"] == ROWS, said
    report.add(f"{action} of {ROWS:,} runs: rows a second", ROWS / taken, "1/s", aim=">= 100", met=ROWS / taken >= 100)
