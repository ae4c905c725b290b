"""The engine: throughput, latency, chains, fan-out, and what a killed worker costs."""

from __future__ import annotations

import http.server
import threading
import time
from typing import Any

import psycopg

from tests.bench.portal import Portal, wait_until
from tests.bench.results import Report, median, milliseconds, percentile
from tests.bench.world import BenchWorld
from tests.bench.yardstick import runs_a_second

RUNS = 600
RUNS_TOGETHER = 3000
OPEN = "SELECT count(*) FROM runs_run WHERE ended_at IS NULL"


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    celery = runs_a_second(1500)
    report.add("Celery alone: tasks a second, nothing stored", celery, "1/s")
    throughput(report, portal, world, celery)
    over_api(report, portal, world)
    idle_latency(report, portal, world)
    chain(report, world)
    fan_out(report, world)
    after_kill(report, portal, world)


def throughput(report: Report, portal: Portal, world: BenchWorld, celery: float) -> None:
    world.start("one", 20)
    wait_until(lambda: none_open(portal))
    started = time.perf_counter()
    world.start("one", RUNS)
    wait_until(lambda: none_open(portal), every=0.01)
    rate = RUNS / (time.perf_counter() - started)
    report.add("runs completed a second, started one by one by one caller", rate, "1/s", yardstick=round(celery, 1))
    started = time.perf_counter()
    world.start_together("one", RUNS_TOGETHER)
    accepted = RUNS_TOGETHER / (time.perf_counter() - started)
    wait_until(lambda: none_open(portal), every=0.01)
    rate = RUNS_TOGETHER / (time.perf_counter() - started)
    report.add("runs accepted a second, 100 in one call", accepted, "1/s", aim=">= 1500", met=accepted >= 1500)
    report.add("runs completed a second, engine alone", rate, "1/s", yardstick=round(celery, 1),
               aim=">= 500 and >= 0.45 x", met=rate >= 500 and rate >= 0.45 * celery)  # fmt: skip


def over_api(report: Report, portal: Portal, world: BenchWorld) -> None:
    client, body = world.client(), {"project": "bench", "workflow": "one"}
    client.post("/api/v1/runs", json=body).raise_for_status()
    started = time.perf_counter()
    for _ in range(RUNS // 2):
        client.post("/api/v1/runs", json=body).raise_for_status()
    wait_until(lambda: none_open(portal), every=0.01)
    rate = RUNS / 2 / (time.perf_counter() - started)
    report.add("runs completed a second, over the API, one call each", rate, "1/s", aim=">= 60", met=rate >= 60)


def idle_latency(report: Report, portal: Portal, world: BenchWorld) -> None:
    client, body = world.client(), {"project": "bench", "workflow": "one"}
    with psycopg.connect(portal.database_url, autocommit=True) as database:

        def once() -> None:
            run = client.post("/api/v1/runs", json=body).json()["id"]
            ended = "SELECT ended_at IS NOT NULL FROM runs_run WHERE id = %s"
            while not database.execute(ended, [run]).fetchone()[0]:
                time.sleep(0.001)

        once()
        taken = [paused(once) for _ in range(40)]
    report.add(
        "one run on an idle system, POST to done, p50", median(taken), "ms", aim="<= 40", met=median(taken) <= 40
    )
    p95 = percentile(taken, 0.95)
    report.add("one run on an idle system, POST to done, p95", p95, "ms", aim="<= 80", met=p95 <= 80)


def paused(call: Any) -> float:
    """Milliseconds of `call` on a system that had time to become idle."""
    time.sleep(0.1)
    return milliseconds(call)


def chain(report: Report, world: BenchWorld) -> None:
    taken = [world.time_of(world.start("chain", 1)[0]) / 50 for _ in range(7)]
    report.add("a step in a chain of 50", median(taken), "ms", aim="<= 5", met=median(taken) <= 5)


def fan_out(report: Report, world: BenchWorld) -> None:
    taken = [world.time_of(world.start("fan", 1)[0]) / 1000 for _ in range(5)]
    report.add("fan-out of 100 and join", median(taken), "s", aim="<= 0.7", met=median(taken) <= 0.7)


def after_kill(report: Report, portal: Portal, world: BenchWorld) -> None:
    """20 runs of a step that takes 5 s; the worker dies in the middle of them and starts again."""
    with slow_server() as address:
        world.slow_workflow(address)
        world.start("slow", 20)
        running = "SELECT count(*) FROM runs_steprun WHERE state = 'running'"
        wait_until(lambda: world.count(running) == 20)
        portal.kill("worker")
        started = time.perf_counter()
        portal.start("worker")
        wait_until(lambda: none_open(portal), seconds=120)
        taken = time.perf_counter() - started
    report.add("20 runs final after kill -9 of the worker", taken - 5, "s", aim="<= 5 (+ the step's 5)",
               met=taken - 5 <= 5)  # fmt: skip


class slow_server:
    """An HTTP server on this machine that answers after five seconds."""

    def __enter__(self) -> str:
        class Slow(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(5)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()


def none_open(portal: Portal) -> bool:
    with psycopg.connect(portal.database_url) as connection:
        return connection.execute(OPEN).fetchone()[0] == 0
