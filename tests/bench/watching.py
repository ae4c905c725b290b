"""Two hundred pages that are open and refresh themselves while fifty runs a second end: how stale, at what cost."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from dataclasses import dataclass, field

import psutil
import psycopg

from tests.bench.portal import Portal
from tests.bench.results import Report, median, milliseconds, percentile
from tests.bench.world import BenchWorld

WATCHERS, SECONDS, RUNS_A_SECOND = 200, 15.0, 50
# Newest first.
NEWEST = re.compile(rb'data-select-row aria-label="Select (\d+)"')
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
        report.add(f"{words}: refreshes that failed", seen.failed, "", aim="none", met=not seen.failed)
        report.add("a refresh to which nothing happened, p50", unchanged, "ms", aim="<= 2", met=unchanged <= 2)


class OpenPage:
    """A browser's connection. Two hundred of a whole client would take the processors from those that are measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cookies: dict[str, str]) -> None:
        self.reader, self.writer = reader, writer
        self.cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())

    @classmethod
    async def of(cls, port: int, cookies: dict[str, str]) -> OpenPage:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20), cookies)

    async def get(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {self.cookie}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        sent = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
        status = int(first.split()[1])
        return status, sent, b"" if status == 304 else await self.body(sent)

    async def body(self, sent: dict[str, str]) -> bytes:
        if "content-length" in sent:
            return await self.reader.readexactly(int(sent["content-length"]))
        pieces = []
        while size := int(await self.reader.readline(), 16):
            pieces.append(await self.reader.readexactly(size + 2))
        await self.reader.readline()
        return b"".join(pieces)


@dataclass
class Seen:
    """What the watchers saw: (seconds since 1970, highest id on the page) of each answer that had a page."""

    portal: Portal
    world: BenchWorld
    views: int
    pages: list[tuple[int, float, int]] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    failed: int = 0
    web_cores: float = 0.0
    position: str = "1.0"

    def watch(self) -> None:
        done = threading.Event()
        helpers = [threading.Thread(target=work, args=(done,)) for work in (self.run_on, self.follow, self.look_around)]
        for helper in helpers:
            helper.start()
        time.sleep(2)
        cookies = dict(self.world.session().cookies)
        before = self.web_seconds()
        began = time.monotonic()
        asyncio.run(self.all_watch(cookies))
        self.web_cores = (self.web_seconds() - before) / (time.monotonic() - began)
        done.set()
        for helper in helpers:
            helper.join()
        self.unchanged = asyncio.run(self.ask_again(cookies))

    async def ask_again(self, cookies: dict[str, str]) -> list[float]:
        """Milliseconds of refreshes to which nothing happened."""
        page, taken = await OpenPage.of(self.portal.port, cookies), []
        headers = {"HX-Request": "true", "HX-Target": "list-live", "Live-After": "1.0"}
        for _ in range(200):
            began = time.perf_counter()
            status, sent, _ = await page.get("/p/bench/runs/", headers)
            if status == 304:
                taken.append((time.perf_counter() - began) * 1000)
            headers["If-None-Match"] = sent["etag"]
        return taken

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

    async def all_watch(self, cookies: dict[str, str]) -> None:
        until = time.monotonic() + SECONDS
        await asyncio.gather(*[self.one_watches(cookies, number, until) for number in range(WATCHERS)])

    async def one_watches(self, cookies: dict[str, str], number: int, until: float) -> None:
        path = "/p/bench/runs/" if self.views == 1 else f"/p/bench/runs/?since=-{1 + number % self.views}h"
        headers, gap = {"HX-Request": "true", "HX-Target": "list-live"}, 1.0
        page = await OpenPage.of(self.portal.port, cookies)
        await asyncio.sleep(number / WATCHERS)
        while time.monotonic() < until:
            began = time.monotonic()
            status, sent, body = await page.get(path, headers | {"Live-After": self.position})
            if status not in (200, 304):
                # The machine is beyond what it can do: the page tries again, and stays as old as it is.
                self.failed += 1
                await asyncio.sleep(1)
                continue
            if status == 200:
                newest = NEWEST.search(body)
                self.pages.append((number, time.time(), int(newest[1]) if newest else 0))
            headers["If-None-Match"] = sent["etag"]
            gap = max(1.0, int(sent["live-pace"]) / 1000)
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
