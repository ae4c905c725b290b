"""Watchers and readers: R-16, R-17, R-21."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from websockets.sync.client import connect

from controlplane.events.models import Event
from runs.models import Run
from tests.faults.report import Report
from tests.faults.stage import Stage, wait_until

LINES = 5000


class Watcher(threading.Thread):
    """A script at /ws/runs/ID: the numbers it saw, and how late each frame was in seconds."""

    def __init__(self, address: str, token: str, run: Run, *, until: str) -> None:
        super().__init__(daemon=True)
        self.url, self.token, self.until = f"ws://{address}/ws/runs/{run.pk}", token, until
        self.seqs: list[int] = []
        self.lateness: list[float] = []
        self.last: dict[str, Any] = {}
        self.caught_up = threading.Event()
        self.done_at = 0.0
        self.start()

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with connect(self.url, additional_headers=headers, open_timeout=30, max_queue=None) as live:
            for text in live:
                frame = json.loads(text)
                if frame["type"] == "caught_up":
                    self.caught_up.set()
                    continue
                self.seqs.append(frame["seq"])
                if self.caught_up.is_set():
                    self.lateness.append(time.time() - datetime.fromisoformat(frame["at"]).timestamp())
                if frame["type"] == "run.logs":
                    self.last = frame["data"]
                if frame["type"] == self.until:
                    self.done_at = time.time()
                    return


def lost_bells(stage: Stage, report: Report, *, short: bool) -> None:
    """R-16: the channel layer drops 30 % and delays 30 %; watchers see everything, in order, hardly late."""
    cast, runs, watchers = stage.cast, 2 if short else 10, 3
    workflow = cast.workflow("watched", *chain(10))
    _, address = stage.web(DJANGO_SETTINGS_MODULE="tests.events.settings", BAD_BELLS="1")
    stage.sweeper()
    started = [cast.start(workflow, delay=0.1) for _ in range(runs)]
    watching = [Watcher(address, cast.token, run, until="run.succeeded") for run in started for _ in range(watchers)]
    for watcher in watching:
        assert watcher.caught_up.wait(30)
    stage.worker("w1", threads=4)
    cast.settle(workflow, 60)
    for watcher in watching:
        watcher.join(timeout=15)
    lateness = sorted(late for watcher in watching for late in watcher.lateness)
    last = dict(Run.objects.filter(workflow=workflow).values_list("pk", "last_seq"))
    whole = sum(watcher.seqs == list(range(1, last[int(watcher.url.rsplit("/")[-1])] + 1)) for watcher in watching)
    p50, p99 = (lateness[int(len(lateness) * share)] for share in (0.5, 0.99))
    report.measure(watchers=len(watching), frames=len(lateness), whole_and_in_order=whole, lateness_p50_s=p50,
                   lateness_p99_s=p99)  # fmt: skip
    report.check("everybody sees 1 to n, once, in order", whole == len(watching))
    report.check("p99 is at most 2 s late, with half a second for a loaded machine", p99 <= 2.5)


def chain(length: int) -> list[dict[str, Any]]:
    body = {"run": "${{ run.id }}", "delay": "${{ params.delay }}", "step": "s"}
    return [
        {"key": f"s{n}", "uses": "tool:safe", "with": body, **({"needs": [f"s{n - 1}"]} if n else {})}
        for n in range(length)
    ]


def burst(stage: Stage, report: Report, *, short: bool) -> None:
    """R-17: 5,000 log lines at once are all there, and every watcher ends at the last one."""
    cast, watchers = stage.cast, 10 if short else 50
    workflow = cast.workflow("burst", {"key": "log", "uses": "tool:log", "with": {"lines": LINES}})
    _, address = stage.web()
    stage.sweeper()
    run = cast.start(workflow)
    watching = [Watcher(address, cast.token, run, until="run.succeeded") for _ in range(watchers)]
    for watcher in watching:
        assert watcher.caught_up.wait(30)
    stage.worker("w1", threads=4)
    cast.settle(workflow, 60)
    for watcher in watching:
        watcher.join(timeout=10)
    run.refresh_from_db()
    lines = sum(run.log_chunks.values_list("count", flat=True))
    whole = sum(watcher.seqs == list(range(1, run.last_seq + 1)) for watcher in watching)
    ended = run.ended_at.timestamp()
    report.measure(lines=lines, watchers=watchers, whole_and_in_order=whole,
                   at_the_last_line=sum(watcher.last.get("line", 0) >= LINES for watcher in watching),
                   slowest_watcher_s=max(watcher.done_at for watcher in watching) - ended)  # fmt: skip
    report.check("every line is stored", lines >= LINES and run.last_line == lines)
    report.check("everybody sees 1 to n, once, in order", whole == watchers)
    report.check(
        "everybody is at the end within 10 s", all(0 < w.done_at <= ended + (60 if short else 10) for w in watching)
    )


def late_commits(stage: Stage, report: Report, *, short: bool) -> None:
    """R-21: readers of the feed skip nothing, though writers commit in another order and readers are killed."""
    writers, each, kills = 8, 30 if short else 150, 2 if short else 6
    project, readers = stage.cast.project, []
    before = Event.objects.count()
    files = [stage.folder / f"reader-{number}.jsonl" for number in range(2)]
    start = str(latest())
    for file in files:
        readers.append(stage.start(file.stem, "-m", "tests.faults.feed_reader", str(project.pk), start, str(file)))
    wait_until(lambda: all(file.exists() for file in files), 40, "the readers")
    threads = [threading.Thread(target=write, args=(project, number, each)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for _ in range(kills):
        time.sleep(random.uniform(0.1, 0.5))
        number = random.randrange(len(readers))
        readers[number].send(signal.SIGKILL)
        readers[number].popen.wait()
        file = files[number]
        readers[number] = stage.start(file.stem, "-m", "tests.faults.feed_reader", str(project.pk), start, str(file))
    for thread in threads:
        thread.join()
    wanted = {f"w{number}-{n}" for number in range(writers) for n in range(each)}
    wait_until(lambda: all(len(seen(file)) >= len(wanted) for file in files), 40, "the readers to catch up")
    report.measure(writers=writers, events=Event.objects.count() - before, readers=len(files), kills=kills,
                   missed=[len(wanted - set(seen(file))) for file in files],
                   twice=[len(seen(file)) - len(set(seen(file))) for file in files])  # fmt: skip
    for file in files:
        report.check(f"{file.stem} saw everything once", sorted(seen(file)) == sorted(wanted))


def latest() -> Any:
    from controlplane.events.queries import latest_cursor

    return latest_cursor()


def seen(file: Path) -> list[str]:
    lines = file.read_text().splitlines(keepends=True)
    return [name for line in lines if line.endswith("\n") for name in json.loads(line)["names"]]


def write(project: Any, number: int, count: int) -> None:
    """Events of one writer, each in a transaction that stays open for a moment."""
    from django.db import transaction

    dice = random.Random(number)
    for n in range(count):
        with transaction.atomic():
            Event.objects.create(project=project, subject_kind="probe", subject_id=number, type="probe.moved",
                                 actor="writer", data={"name": f"w{number}-{n}"})  # fmt: skip
            time.sleep(dice.choice([0, 0, 0.002, 0.02]))
    connection.close()
