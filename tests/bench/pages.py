"""Every list and detail of a project with a million runs: how long its page and its endpoint take."""

from __future__ import annotations

import psycopg

from tests.bench.lists import RUNS, build, timed
from tests.bench.portal import Portal
from tests.bench.results import Report
from tests.bench.world import BenchWorld

NEIGHBOURS = 100
AIM = 200
CALLS = """
INSERT INTO runs_call (agent_id, tool_id, run_id, workflow_id, ended_at, duration_ms, outcome, cost_usd, input_tokens,
    output_tokens)
SELECT {agent}, {tool}, id, workflow_id, ended_at, 1 + id % 3000,
    CASE WHEN state = 'failed' THEN 'http_status' ELSE 'succeeded' END, cost_usd, 10, 10
FROM runs_run WHERE project_id = {project} AND ended_at IS NOT NULL
"""


def measure(report: Report, portal: Portal, world: BenchWorld) -> None:
    agent, tool = make_neighbours(world)
    fill(portal, world, agent, tool)
    run, workflow = world.count("SELECT max(id) FROM runs_run"), world.workflows["one"].pk
    browser, api, words = world.session(), world.client(), f"with {RUNS:,} runs"
    for noun in ("workflows", "agents", "tools", "instances"):
        timed(report, f"page of {noun} {words}", browser, f"/p/bench/{noun}/", aim=AIM)
        timed(report, f"API list of {noun} {words}", api, f"/api/v1/{noun}?project=bench", aim=AIM)
    for query in ("q=bench", "tag=tag-3&status=failed", "since=-7d&environment=production", f"agent={agent}"):
        timed(report, f"runs page ?{query} {words}", browser, f"/p/bench/runs/?{query}", aim=AIM)
    for name, path in {
        "page of a run": f"runs/{run}/",
        "page of a workflow": f"workflows/{workflow}/",
        "figures of a workflow, 30 days": f"workflows/{workflow}/figures?window=30d",
        "page of an agent": f"agents/{agent}/",
        "usage of an agent, 30 days": f"agents/{agent}/usage?since=-30d",
        "page of a tool": f"tools/{tool}/",
        "usage of a tool, 30 days": f"tools/{tool}/usage?since=-30d",
        "activity": "activity/",
        "search": "search?q=neighbour",
    }.items():
        timed(report, f"{name} {words}", browser, f"/p/bench/{path}", aim=AIM)
    for name, path in {
        "agents/ID/metrics, 30 days": f"agents/{agent}/metrics?since=-30d",
        "agents/ID/runs": f"agents/{agent}/runs",
        "tools/ID/usage, 30 days": f"tools/{tool}/usage?since=-30d",
        "workflows/ID/figures, 30 days": f"workflows/{workflow}/figures?window=30d",
        "runs/counts": "runs/counts?project=bench",
    }.items():
        timed(report, f"API {name} {words}", api, f"/api/v1/{path}", aim=AIM)


def make_neighbours(world: BenchWorld) -> tuple[int, int]:
    """A page and more of everything else that has a list; the first agent and tool are the busy ones."""
    from agents.actions import create_agent, create_tool

    agents, tools = [], []
    for n in range(NEIGHBOURS):
        world.release(f"neighbour-{n}", {"steps": [{"key": "only", "uses": "noop"}]})
        call = {"config": {"url": "http://127.0.0.1:9/", "method": "POST"}, "kind": "http", "by": world.by}
        tools.append(create_tool(world.project, name=f"tool-{n}", **call).pk)
        call["config"] = {"url": "http://127.0.0.1:9/"}
        agents.append(create_agent(world.project, name=f"agent-{n}", **call).pk)
    return agents[0], tools[0]


def fill(portal: Portal, world: BenchWorld, agent: int, tool: int) -> None:
    with psycopg.connect(portal.database_url, autocommit=True) as database:
        database.execute("TRUNCATE runs_run CASCADE")
        build(portal, world, agent=agent)
        where = {"project": world.project.pk}
        database.execute(CALLS.format(agent=agent, tool="NULL", **where))
        database.execute(CALLS.format(agent="NULL", tool=tool, **where))
        database.execute("VACUUM ANALYZE runs_call")
