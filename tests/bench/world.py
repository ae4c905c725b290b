"""A project with workflows to measure, made through the portal's own actions."""

from __future__ import annotations

from typing import Any

import httpx

from tests.bench.portal import wait_until

ONE = {"steps": [{"key": "only", "uses": "noop"}]}
CHAIN = {"steps": [{"key": f"s{n}", "uses": "noop", "needs": [f"s{n - 1}"] if n else []} for n in range(50)]}
FAN = {
    "steps": [
        *({"key": f"s{n}", "uses": "noop"} for n in range(100)),
        {"key": "join", "uses": "noop", "needs": [f"s{n}" for n in range(100)]},
    ]
}
SLOW = {"steps": [{"key": "call", "uses": "tool:slow"}]}


class BenchWorld:
    def __init__(self, address: str) -> None:
        from django.contrib.auth import get_user_model

        from controlplane.projects.actions import create_project, create_token
        from controlplane.projects.tenants.actors import SYSTEM, Access

        self.address = address
        self.user = get_user_model().objects.create_superuser("bench", "bench@example.org", "not-used-to-sign-in-1")
        self.project = create_project(slug="bench", name="Bench", by=SYSTEM, owner=self.user)
        self.by = Access.of_user(self.user).actor_in(self.project.pk)
        self.token = create_token(self.project, name="bench", role="admin", days=1, by=self.by)[1]
        self.workflows = {name: self.release(name, document) for name, document in
                          {"one": ONE, "chain": CHAIN, "fan": FAN}.items()}  # fmt: skip

    def release(self, name: str, document: dict[str, Any]) -> Any:
        import json

        from workflows.actions import create_workflow, release_draft
        from workflows.models import Workflow

        made = create_workflow(self.project, name=name, description="", tags=[], text=json.dumps(document), by=self.by)
        release_draft(made, note="", by=self.by)
        return Workflow.objects.select_related("current", "project").get(pk=made.pk)

    def slow_workflow(self, url: str) -> None:
        from agents.actions import create_tool

        create_tool(
            self.project, by=self.by, name="slow", kind="http", idempotent=True, config={"method": "POST", "url": url}
        )
        self.workflows["slow"] = self.release("slow", SLOW)

    def start(self, name: str, count: int) -> list[int]:
        from runs.actions import start_run

        return [start_run(self.workflows[name], inputs={}, by=self.by).pk for _ in range(count)]

    def start_together(self, name: str, count: int, at_once: int = 100) -> None:
        """In as few calls as that makes."""
        from runs.actions import start_runs

        for _ in range(count // at_once):
            start_runs(self.workflows[name], inputs=[{}] * at_once, by=self.by)

    def time_of(self, run_id: int) -> float:
        """Milliseconds from created to ended, once it has ended."""
        ended = f"SELECT count(*) FROM runs_run WHERE id = {run_id} AND ended_at IS NOT NULL"
        wait_until(lambda: self.count(ended) == 1)
        return self.value(f"SELECT extract(epoch FROM ended_at - created_at) * 1000 FROM runs_run WHERE id = {run_id}")

    def count(self, statement: str) -> int:
        return int(self.value(statement))

    def value(self, statement: str) -> float:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)
            return float(cursor.fetchone()[0])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def session(self) -> httpx.Client:
        """A browser that is signed in."""
        from django.test import Client

        from tests.cookies import use_cookies

        use_cookies()
        browser = Client()
        browser.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
        return httpx.Client(base_url=self.address, cookies=cookies, timeout=30)
