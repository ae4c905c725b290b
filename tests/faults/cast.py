"""The project of the scenarios: its people, tools and workflows, and what they look like from outside."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from django.contrib.auth.models import User
from django.db import OperationalError, connection

from agents.actions import create_instance, create_tool
from controlplane.projects.actions import create_token
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import Access
from runs.actions import resolve_step, start_run
from runs.engine.invariants import INVARIANTS, violations
from runs.models import RUN_LIVE, Run, StepRun, StepState
from tests.faults.ledger import Entry, read
from tests.faults.stage import wait_until
from tests.world import make_workflow
from workflows.models import Workflow

BODY = {"run": "${{ run.id }}", "delay": "${{ params.delay }}"}
PARAMS = {"type": "object", "properties": {"delay": {"type": "number", "default": 0.1}}}


class Cast:
    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.project = Project.objects.create(slug="faults", name="Faults")
        User.objects.create_superuser("ada", "ada@example.com", "only-for-this-run-0123")
        self.by = Access.of_user(User.objects.get()).actor_in(self.project.pk)
        self.token = create_token(self.project, name="script", role="operator", days=1, by=self.by)[1]
        for name, idempotent in (("safe", True), ("once", False)):
            config = {"method": "POST", "url": f"http://{stage.ledger}/{name}"}
            create_tool(self.project, name=name, kind="http", config=config, idempotent=idempotent,
                        timeout_seconds=30, by=self.by)  # fmt: skip
        for name in ("echo", "log"):
            create_tool(self.project, name=name, kind="function", config={"function": f"test-{name}"},
                        idempotent=True, by=self.by)  # fmt: skip
        create_instance(self.project, name="orders", engine="sqlite", url=str(stage.sqlite()), by=self.by)

    def workflow(self, name: str, *steps: dict[str, Any]) -> Workflow:
        return make_workflow(self.project, name, {"params": PARAMS, "steps": list(steps)})

    def five_kinds(self, name: str) -> Workflow:
        """A call that may be repeated, one that must not, a query, a function, a timer; each needs the one before."""
        ask = {"instance": "orders", "sql": "SELECT count(*) AS n FROM orders"}
        return self.workflow(
            name,
            {"key": "safe", "uses": "tool:safe", "with": {**BODY, "step": "safe"}},
            {"key": "once", "uses": "tool:once", "needs": ["safe"], "with": {**BODY, "step": "once"}},
            {"key": "ask", "uses": "query", "needs": ["once"], "with": ask},
            {"key": "echo", "uses": "tool:echo", "needs": ["ask"], "with": {"n": "${{ steps.ask.output.row_count }}"}},
            {"key": "rest", "uses": "wait", "needs": ["echo"], "with": {"seconds": 0.2}},
        )

    def start(self, workflow: Workflow, **inputs: Any) -> Run:
        return start_run(workflow, inputs=inputs, by=self.by)

    def unfinished(self, workflow: Workflow) -> int:
        """Runs that neither ended nor wait for a person."""
        waiting = StepRun.objects.filter(state=StepState.NEEDS_REVIEW).values("run")
        return Run.objects.filter(workflow=workflow, state__in=RUN_LIVE).exclude(pk__in=waiting).count()

    def settle(self, workflow: Workflow, seconds: float) -> float:
        """Wait until every run has ended or waits for a person; how many seconds that took."""
        began = time.monotonic()
        wait_until(lambda: self.unfinished(workflow) == 0, seconds, f"{workflow.name} to end")
        return time.monotonic() - began

    def states(self, workflow: Workflow) -> dict[str, int]:
        return dict(Counter(Run.objects.filter(workflow=workflow).values_list("state", flat=True)))

    def needs_review(self, workflow: Workflow) -> list[StepRun]:
        return list(
            StepRun.objects.filter(run__workflow=workflow, state=StepState.NEEDS_REVIEW).select_related("run__project")
        )

    def approve_all(self, workflow: Workflow) -> int:
        """A person looks the unknown outcomes up and says they succeeded; how many there were."""
        steps = self.needs_review(workflow)
        for step in steps:
            resolve_step(step, outcome="succeeded", note="it is in the ledger", by=self.by)
        return len(steps)

    def calls(self, workflow: Workflow) -> list[Entry]:
        """What the ledger saw of this workflow's runs."""
        runs = set(Run.objects.filter(workflow=workflow).values_list("pk", flat=True))
        return [entry for entry in read(self.stage.ledger_file) if entry.body.get("run") in runs]

    def events(self, workflow: Workflow, type: str) -> int:
        with connection.cursor() as sql:
            sql.execute(
                "SELECT count(*) FROM events_event JOIN runs_run ON subject_kind = 'run' AND subject_id = runs_run.id"
                " WHERE workflow_id = %s AND type = %s", [workflow.pk, type],
            )  # fmt: skip
            return sql.fetchone()[0]


def broken_invariants() -> dict[str, Any]:
    for _ in range(50):
        try:
            found = {invariant.name: violations(invariant) for invariant in INVARIANTS}
            return {name: rows[:3] for name, rows in found.items() if rows}
        except OperationalError:
            connection.close()
            time.sleep(0.1)
    raise TimeoutError("the database did not come back")


def deadlocks() -> int:
    """How many PostgreSQL had to break since its statistics began; a restart forgets them."""
    with connection.cursor() as sql:
        sql.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return sql.fetchone()[0]


def called_after_success(calls: list[Entry]) -> list[Entry]:
    """Calls of a step that had been recorded as succeeded before they arrived."""
    ended = {
        f"{run}:{key}": at.timestamp()
        for run, key, at in StepRun.objects.filter(state=StepState.SUCCEEDED, index=None).values_list(
            "run", "key", "ended_at"
        )
    }
    return [entry for entry in calls if entry.at > ended.get(entry.key, float("inf"))]


def repeated(calls: list[Entry], path: str) -> dict[str, int]:
    """Key -> how often, of those that came more than once."""
    counted = Counter(entry.key for entry in calls if entry.path == path)
    return {key: times for key, times in counted.items() if times > 1}


def foreign_keys(calls: list[Entry]) -> list[Entry]:
    """Calls whose Idempotency-Key is not that of their step."""
    return [entry for entry in calls if entry.key != f"{entry.body['run']}:{entry.body['step']}"]
