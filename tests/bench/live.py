"""From commit to the frame in 500 sockets."""

from __future__ import annotations

import asyncio
import json
import time

import websockets

from tests.bench.portal import Portal
from tests.bench.results import Report, median, percentile
from tests.bench.world import BenchWorld

SOCKETS = 500
EVENTS = 20


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    taken = asyncio.run(watch(portal, world))
    p95 = percentile(taken, 0.95)
    report.add(f"commit to frame with {SOCKETS} sockets, p50", median(taken), "ms")
    report.add(f"commit to frame with {SOCKETS} sockets, p95", p95, "ms", aim="<= 150", met=p95 <= 150)


async def watch(portal: Portal, world: BenchWorld) -> list[float]:
    """Milliseconds from the commit of an event to each of the frames that carry it."""
    run = await asyncio.to_thread(lambda: world.start("one", 1)[0])
    await asyncio.to_thread(world.time_of, run)
    url = f"ws://127.0.0.1:{portal.port}/ws/runs/{run}"
    headers = {"Authorization": f"Bearer {world.token}"}
    arrivals: dict[int, list[float]] = {}
    ready = asyncio.Semaphore(0)

    async def listen() -> None:
        async with websockets.connect(url, additional_headers=headers, open_timeout=60) as socket:
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] == "caught_up":
                    ready.release()
                elif frame["type"] == "step.progress":
                    arrivals.setdefault(frame["data"]["mark"], []).append(time.perf_counter())

    listeners = []
    for batch in range(SOCKETS // 50):
        listeners += [asyncio.create_task(listen()) for _ in range(50)]
        for _ in range(50):
            await ready.acquire()
    committed = {}
    for mark in range(EVENTS):
        await asyncio.to_thread(emit, run, mark)
        committed[mark] = time.perf_counter()
        await asyncio.sleep(0.3)
    await asyncio.sleep(1)
    for listener in listeners:
        listener.cancel()
    return [(at - committed[mark]) * 1000 for mark, times in arrivals.items() for at in times]


def emit(run_id: int, mark: int) -> None:
    from django.db import connection

    from runs.engine.locked import locked_run

    with locked_run(run_id) as run:
        run.emit("step.progress", mark=mark)
    connection.close()
