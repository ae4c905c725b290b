"""Two hundred pages that are open and refresh themselves while fifty runs a second end: how stale, at what cost."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from dataclasses import dataclass, field

import httpx
import psutil
import psycopg

from tests.bench.portal import Portal
from tests.bench.results import Report, median, milliseconds, percentile
from tests.bench.world import BenchWorld

WATCHERS, SECONDS, RUNS_A_SECOND = 200, 15.0, 50
NEWEST = re.compile(r'data-select-row\s+aria-label="Select (\d+)"')
STARTED = """
SELECT id, extract(epoch FROM created_at)::float FROM runs_run
WHERE created_at BETWEEN to_timestamp(%s) AND to_timestamp(%s) ORDER BY id
"""
LATEST = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    for name, views, stale, others in (("one view", 1, 1500, 150), ("50 different views", 50, 3000, 300)):
        seen = Seen(portal, world, views)
        seen.watch()
        words = f"{WATCHERS} watchers of {name}, {RUNS_A_SECOND} runs a second"
        p95 = percentile(seen.staleness(), 0.95)
        report.add(f"{words}: staleness p95", p95, "ms", aim=f"<= {stale}", met=p95 <= stale)
        p95 = percentile(seen.others, 0.95)
        report.add(f"{words}: other pages p95", p95, "ms", aim=f"<= {others}", met=p95 <= others)
        met = seen.web_cores <= 1 if views == 1 else None
        report.add(f"{words}: web", seen.web_cores, "cores", aim="<= 1" if views == 1 else "", met=met)
        unchanged = median(seen.unchanged)
        report.add(f"{words}: an unchanged refresh, p50", unchanged, "ms")


@dataclass
class Seen:
    """What the watchers saw: (seconds since 1970, highest id on the page) of each answer that had a page."""

    portal: Portal
    world: BenchWorld
    views: int
    pages: list[tuple[int, float, int]] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    web_cores: float = 0.0
    position: str = "1.0"

    def watch(self) -> None:
        done = threading.Event()
        helpers = [threading.Thread(target=work, args=(done,)) for work in (self.run_on, self.follow, self.look_around)]
        for helper in helpers:
            helper.start()
        time.sleep(2)
        before = self.web_seconds()
        began = time.monotonic()
        asyncio.run(self.all_watch())
        self.web_cores = (self.web_seconds() - before) / (time.monotonic() - began)
        done.set()
        for helper in helpers:
            helper.join()

    def web_seconds(self) -> float:
        parent = psutil.Process(self.portal.roles["web"].pid)
        return sum(sum(process.cpu_times()[:2]) for process in [parent, *parent.children()])

    def run_on(self, done: threading.Event) -> None:
        """A group of runs ten times a second, which end at once."""
        while not done.wait(0.1):
            self.world.start_together("one", RUNS_A_SECOND // 10, at_once=RUNS_A_SECOND // 10)

    def follow(self, done: threading.Event) -> None:
        """Where the feed is, as the socket of every page hears it."""
        with psycopg.connect(self.portal.database_url, autocommit=True) as database:
            while not done.wait(0.05):
                self.position = f"{int(database.execute(LATEST).fetchone()[0]) - 1}.0"

    def look_around(self, done: threading.Event) -> None:
        browser = self.world.session()
        paths = ["/p/bench/", "/p/bench/workflows/", "/p/bench/runs/", "/p/bench/activity/"]
        while not done.wait(0.2):
            path = paths[len(self.others) % len(paths)]
            self.others.append(milliseconds(lambda path=path: browser.get(path).raise_for_status()))

    async def all_watch(self) -> None:
        cookies = dict(self.world.session().cookies)
        limits = httpx.Limits(max_connections=WATCHERS, max_keepalive_connections=WATCHERS)
        async with httpx.AsyncClient(
            base_url=self.portal.address, cookies=cookies, timeout=60, limits=limits
        ) as browser:
            until = time.monotonic() + SECONDS
            await asyncio.gather(*[self.one_watches(browser, number, until) for number in range(WATCHERS)])

    async def one_watches(self, browser: httpx.AsyncClient, number: int, until: float) -> None:
        path = "/p/bench/runs/" if self.views == 1 else f"/p/bench/runs/?since=-{1 + number % self.views}h"
        headers, gap = {"HX-Request": "true", "HX-Target": "list-live"}, 1.0
        await asyncio.sleep(number / WATCHERS)
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await browser.get(path, headers={**headers, "Live-After": self.position})
            if answer.status_code == 304:
                self.unchanged.append((time.monotonic() - began) * 1000)
            else:
                self.pages.append((number, time.time(), max(map(int, NEWEST.findall(answer.text)), default=0)))
            headers["If-None-Match"] = answer.headers["ETag"]
            gap = max(1.0, int(answer.headers["Live-Pace"]) / 1000)
            await asyncio.sleep(max(0.0, began + gap - time.monotonic()))

    def staleness(self) -> list[float]:
        """For each watcher and run: milliseconds from its start to the first page that showed it, or a later one."""
        first, last = min(at for _, at, _ in self.pages) + 2, max(at for _, at, _ in self.pages) - 5
        with psycopg.connect(self.portal.database_url) as database:
            runs = database.execute(STARTED, [first, last]).fetchall()[::7]
        found = []
        for number in range(WATCHERS):
            pages = [(at, newest) for one, at, newest in self.pages if one == number]
            for pk, started in runs:
                shown = next((at for at, newest in pages if newest >= pk), None)
                found.append((shown - started) * 1000 if shown else SECONDS * 1000)
        return found
