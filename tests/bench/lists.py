"""Lists and exports at a million runs: pages and API at any depth, CSV beside plain COPY, memory while exporting."""

from __future__ import annotations

import time

import httpx
import psutil
import psycopg

from tests.bench.portal import Portal
from tests.bench.results import Report, median, milliseconds, percentile
from tests.bench.world import BenchWorld

RUNS = 1_000_000
DEEP = 900_000
EXPORTED = 100_000

MAKE = """
INSERT INTO runs_run (project_id, workflow_id, version_id, pins, state, environment, trigger, tags, inputs, cost_usd,
    input_tokens, output_tokens, created_at, started_at, ended_at, created_by, last_seq, last_line, open_steps,
    control_by, control_reason, agent_id)
SELECT %(project)s, %(workflow)s, %(version)s, '{{}}',
    (ARRAY['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'])[1 + n %% 5],
    (ARRAY['dev', 'staging', 'production'])[1 + n %% 3], (ARRAY['api', 'manual'])[1 + n %% 2],
    ARRAY['tag-' || n %% 7], '{{"n": 1}}', (n %% 100) / 1000.0, 0, 0, at, at, at + interval '2 seconds', 'bench',
    0, 0, 0, '', '', %(agent)s
FROM (SELECT n, now() - (n * interval '20 seconds') AS at FROM generate_series(1, {count}) n) rows
"""
COPY = """
COPY (SELECT run.id, workflow.name, version.number, run.state, run.environment, run.trigger, agent.name, run.tags,
             run.created_by, run.created_at, run.started_at, run.ended_at,
             (extract(epoch FROM run.ended_at - run.started_at) * 1000)::bigint, run.cost_usd,
             run.error ->> 'type', run.error ->> 'message'
      FROM runs_run run JOIN workflows_workflow workflow ON workflow.id = run.workflow_id
          LEFT JOIN workflows_version version ON version.id = run.version_id
          LEFT JOIN agents_agent agent ON agent.id = run.agent_id
      WHERE run.project_id = {project} AND run.created_at >= '{since}' ORDER BY run.created_at DESC, run.id DESC)
TO STDOUT CSV HEADER
"""


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    build(portal, world)
    api, browser = world.client(), world.session()
    for name, state in (("", ""), (", one status", "&status=failed")):
        first = f"/api/v1/runs?project=bench{state}"
        timed(report, f"API list of 1,000,000 runs{name}, first page", api, first, aim=25)
        deep = deep_cursor(api, world, state)
        timed(report, f"API list of 1,000,000 runs{name}, {DEEP:,} deep", api, f"{first}&cursor={deep}", aim=25)
    timed(report, "runs page of 1,000,000, first", browser, "/p/bench/runs/", aim=50)
    deep = deep_cursor(api, world, "")
    timed(report, f"runs page of 1,000,000, {DEEP:,} deep", browser, f"/p/bench/runs/?cursor={deep}", aim=50)
    timed(report, "overview with 1,000,000 runs", browser, "/p/bench/", aim=50)
    export(report, portal, world, api)


def build(portal: Portal, world: BenchWorld, *, agent: int | None = None) -> None:
    workflow = world.workflows["one"]
    where = {"project": world.project.pk, "workflow": workflow.pk, "version": workflow.current_id, "agent": agent}
    with psycopg.connect(portal.database_url, autocommit=True) as database:
        database.execute(MAKE.format(count=RUNS), where)
        database.execute("VACUUM ANALYZE runs_run")


def deep_cursor(api: httpx.Client, world: BenchWorld, state: str) -> str:
    """A cursor far down: taken from a list that begins there by date, since cursors are places, not numbers."""
    since = f"SELECT extract(epoch FROM now() - interval '{DEEP * 20} seconds')"
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.value(since)))
    answer = api.get(f"/api/v1/runs?project=bench{state}&until={until}")
    answer.raise_for_status()
    return answer.json()["next"].partition("cursor=")[2].partition("&")[0]


def timed(report: Report, name: str, client: httpx.Client, path: str, *, aim: float) -> None:
    def once() -> None:
        client.get(path).raise_for_status()

    for _ in range(5):
        once()
    taken = [milliseconds(once) for _ in range(60)]
    p50, p95 = median(taken), percentile(taken, 0.95)
    report.add(f"{name}, p50", p50, "ms", aim=f"<= {aim}", met=p50 <= aim)
    report.add(f"{name}, p95", p95, "ms", aim="<= 2 x p50", met=p95 <= 2 * p50)


def export(report: Report, portal: Portal, world: BenchWorld, api: httpx.Client) -> None:
    begin = f"SELECT extract(epoch FROM now() - interval '{EXPORTED * 20} seconds')"
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.value(begin)))
    plain = min(plain_copy(portal, world, since) for _ in range(3))
    path = f"/api/v1/runs.csv?project=bench&since={since}"
    taken = min(download(api, path)[0] for _ in range(3))
    aim = 2 * plain
    report.add(
        "100,000 runs as CSV over HTTP", taken, "s", yardstick=round(plain, 3), aim="<= 2 x COPY", met=taken <= aim
    )
    web = psutil.Process(portal.roles["web"].pid)
    before = web.memory_info().rss
    seconds, size, peak = download(api, "/api/v1/runs.csv?project=bench", web)
    report.add("1,000,000 runs as CSV over HTTP", seconds, "s")
    growth = max(0, peak - before) / 2**20
    report.add(
        f"growth of web while it sends them ({size / 2**20:.0f} MiB)", growth, "MiB", aim="<= 50", met=growth <= 50
    )


def plain_copy(portal: Portal, world: BenchWorld, since: str) -> float:
    statement = COPY.format(project=world.project.pk, since=since)
    with psycopg.connect(portal.database_url) as database:
        started = time.perf_counter()
        with database.cursor().copy(statement) as copy:
            for _ in copy:
                continue
        return time.perf_counter() - started


def download(api: httpx.Client, path: str, process: psutil.Process | None = None) -> tuple[float, int, int]:
    """(seconds, bytes, highest resident memory of `process`)."""
    size = peak = chunks = 0
    started = time.perf_counter()
    with api.stream("GET", path) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            size, chunks = size + len(chunk), chunks + 1
            if process is not None and chunks % 50 == 0:
                peak = max(peak, process.memory_info().rss)
    return time.perf_counter() - started, size, peak
