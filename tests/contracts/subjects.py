"""One of each thing in two projects, made once for a whole module, and what a valid request about it looks like."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from agents.actions import create_agent, create_instance, create_tool
from controlplane.domain.action import ROLES
from controlplane.listing.actions import save_view
from controlplane.operations.models import Operation, OperationRow
from controlplane.projects.actions import create_token, invite_member, set_secret
from controlplane.projects.models import ApiToken, Member, Project
from controlplane.projects.tenants.actors import SYSTEM, Access
from runs.engine.external import Report
from runs.external.actions import report_task
from runs.models import Artifact, RunState, StepRun, StepState
from tests.world import World, build_world, make_run, make_workflow
from workflows.actions import create_workflow, save_draft
from workflows.models import Workflow

TEXT = "steps:\n  - key: only\n    uses: noop\n"
EMBED = {"kind": "function", "config": {"function": "text-embed"}}
ABSENT = 999_999_999


NOBODY = ("anonymous", "gone")
PEOPLE = (*NOBODY, "vera", "bob", "anna", "erin", "alice", "mallory", "root")
DEAD_TOKENS = ("token:expired", "token:revoked", "token:gone")
TOKENS = (*DEAD_TOKENS, *(f"token:{role}" for role in ROLES))


@dataclass
class Things:
    """Ids by name; `mark` stands in every name and text of theirs, so that a leak can be seen."""

    project: Project
    mark: str
    ids: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, mark: str, folder: Path) -> Things:
        things = cls(project, mark)
        things.make_catalogue(folder)
        things.make_workflow()
        things.make_run()
        things.make_task()
        things.make_people()
        things.make_operation()
        return things

    def make_catalogue(self, folder: Path) -> None:
        path = folder / f"{self.mark}.sqlite"
        sqlite3.connect(path).execute("CREATE TABLE orders (id INTEGER)").connection.close()
        given = {"by": SYSTEM, "tags": [self.mark], "description": self.mark}
        self.ids["tool"] = create_tool(self.project, name=f"{self.mark}-tool", **EMBED, **given).pk
        self.ids["agent"] = create_agent(self.project, name=f"{self.mark}-agent", **EMBED, **given).pk
        named = {"name": f"{self.mark}-instance", "engine": "sqlite", "url": str(path)}
        self.ids["instance"] = create_instance(self.project, **named, **given).pk

    def make_workflow(self) -> None:
        """One with a released version and a draft, and one that has neither runs nor users."""
        document = {"steps": [{"key": self.mark, "uses": "noop"}]}
        workflow = make_workflow(self.project, f"{self.mark}-flow", document, tags=[self.mark])
        save_draft(workflow, text=TEXT + f"# {self.mark}\n", by=SYSTEM)
        spare = create_workflow(self.project, name=f"{self.mark}-spare", text=TEXT, by=SYSTEM)
        self.ids |= {"workflow": workflow.pk, "version": 1, "spare": spare.pk}

    def make_run(self) -> None:
        workflow = Workflow.objects.get(pk=self.ids["workflow"])
        run = make_run(
            workflow,
            RunState.RUNNING,
            open_steps=1,
            people_steps=1,
            inputs={"secret": self.mark},
            tags=[self.mark],
            created_by=self.mark,
        )
        step = StepRun.objects.create(
            run=run,
            key=self.mark,
            position=0,
            uses="noop",
            state=StepState.NEEDS_REVIEW,
            waits_for="review",
            output=self.mark,
        )
        named = {"name": f"{self.mark}.txt", "content_type": "text/plain", "size": 4, "sha256": "0" * 64}
        artifact = Artifact(run=run, step=step, attempt_no=1, **named)
        artifact.file.save(f"{self.mark}.txt", ContentFile(self.mark.encode()))
        ended = make_run(workflow, inputs={"secret": self.mark}, created_by=self.mark)
        self.ids |= {"run": run.pk, "ended": ended.pk, "step": step.pk, "artifact": artifact.pk}

    def make_operation(self) -> None:
        """One that runs, of somebody else."""
        operation = Operation.objects.create(
            project=self.project, kind="bulk", subject="runs", action="add_tags", label=self.mark, state="running",
            total=1, created_by=self.mark, expires_at=timezone.now() + timedelta(days=9), undo_action="remove_tags",
        )  # fmt: skip
        OperationRow.objects.create(
            operation=operation, position=1, object_id=self.ids["run"], state="refused", detail=self.mark
        )
        self.ids["operation"] = operation.pk
        export = Operation(
            project=self.project, kind="export", subject="runs", action="csv", label="Export", state="succeeded",
            created_by=self.mark, expires_at=timezone.now() + timedelta(days=9),
            manifest={"file": f"{self.mark}.csv", "rows": 1, "bytes": 1, "sha256": "0" * 64, "time_zone": "UTC"},
        )  # fmt: skip
        export.file.save(f"{self.mark}.csv", ContentFile(self.mark.encode()))
        self.ids["export"] = export.pk

    def make_task(self) -> None:
        report = Report(status="running", outputs={"secret": self.mark}, log_excerpt=self.mark)
        self.ids["task"] = report_task(self.project, task=f"{self.mark}-task", report=report, by=SYSTEM).pk

    def make_people(self) -> None:
        user = User.objects.create(username=f"{self.mark}-guest", email=f"{self.mark}@example.com")
        member = Member.objects.create(project=self.project, user=user, role="admin")
        token, _ = create_token(self.project, name=self.mark, role="viewer", days=9, by=actor_of(user, self.project))
        secret = set_secret(self.project, name=f"{self.mark}_secret", value=self.mark * 3, by=SYSTEM)
        named = {"listing": "runs", "name": f"{self.mark}-view", "query": f"tag={self.mark}", "is_shared": True}
        view = save_view(self.project, **named, by=actor_of(user, self.project))
        self.ids["view"] = view.pk
        invited = invite_member(
            self.project, email=f"{self.mark}-new@example.com", role="viewer", by=actor_of(user, self.project)
        )
        self.ids |= {"invitation": invited.pk}
        self.ids |= {"member": member.pk, "token": token.pk, "secret": secret.pk, "secret name": secret.name}


def actor_of(user: User, project: Project):
    return Access.of_user(user).actor_in(project.pk)


@dataclass
class Standing:
    """Everybody and everything; `mine` is acme's, `theirs` globex's, whose administrator is mallory."""

    world: World
    mine: Things
    theirs: Things
    tokens: dict[str, str]
    clients: dict[str, Client] = field(default_factory=dict)

    @classmethod
    def build(cls, folder: Path) -> Standing:
        start_ids_high()
        world = build_world()
        root = User.objects.create_superuser("root", "root@example.com")
        gone = User.objects.create(username="gone", email="gone@example.com")
        Member.objects.create(project=world.acme, user=gone, role="admin")
        world.people |= {"root": root, "gone": gone}
        tokens = cls.make_tokens(world)
        User.objects.filter(pk=gone.pk).update(is_active=False)
        mine, theirs = Things.of(world.acme, "acmes", folder), Things.of(world.globex, "theirs", folder)
        return cls(world, mine, theirs, tokens)

    @staticmethod
    def make_tokens(world: World) -> dict[str, str]:
        tokens = {f"token:{role}": world.token("alice", role) for role in ROLES}
        tokens |= {name: world.token("alice") for name in ("token:expired", "token:revoked")}
        now = timezone.now()
        made = {name: ApiToken.objects.filter(prefix=text.split("_")[1]) for name, text in tokens.items()}
        made["token:expired"].update(expires_at=now - timedelta(seconds=1))
        made["token:revoked"].update(revoked_at=now)
        tokens["token:gone"] = world.token("gone")
        return tokens

    def client(self, who: str) -> Client:
        """A browser of the person, or a script with the token, of that name; "anonymous" has neither."""
        if who not in self.clients:
            self.clients[who] = self.new_client(who)
        # What an earlier request had to say is not told by this one.
        self.clients[who].cookies.pop("messages", None)
        return self.clients[who]

    def new_client(self, who: str, **options: Any) -> Client:
        if who in self.tokens:
            return Client(headers={"Authorization": f"Bearer {self.tokens[who]}"}, raise_request_exception=False)
        client = Client(raise_request_exception=False, **options)
        if who != "anonymous":
            client.force_login(self.world.people[who])
        return client

    def remove(self) -> None:
        projects = [self.world.acme.pk, self.world.globex.pk]
        for operation in Operation.objects.filter(project__in=projects).exclude(file=""):
            operation.file.delete(save=False)
        for artifact in Artifact.objects.filter(run__project__in=projects):
            artifact.file.delete(save=False)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE projects_project, auth_user, django_session CASCADE")


def start_ids_high() -> None:
    """So that an id in an answer cannot be mistaken for a count."""
    ours = ("projects", "listing", "operations", "agents", "workflows", "runs")
    models = [model for name in ours for model in apps.get_app_config(name).get_models()]
    tables = [model._meta.db_table for model in models if model._meta.pk.name == "id"]
    with connection.cursor() as cursor:
        for number, table in enumerate(tables, start=7):
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, number * 100_000])


def in_address(things: Things, subject: str) -> dict[str, Any]:
    """The keyword arguments that name `subject` in an address of theirs, without the project of a page."""
    ids, slug = things.ids, things.project.slug
    match subject.split():
        case []:
            return {}
        case ["step" | "artifact" as child]:
            return {"pk": ids["run"], f"{child}_pk": ids[child]}
        case ["version"]:
            return {"pk": ids["workflow"], "number": 1}
        case ["version", "of", owner]:
            return {"pk": ids[owner], "number": 1}
        case ["project"]:
            return {"project": slug}
        case ["member" | "invitation" as row, "of", "project"]:
            return {"project": slug, "pk": ids[row]}
        case ["secret", "name"]:
            return {"name": ids["secret name"]}
        case ["run", "tab"]:
            return {"pk": ids["run"], "tab": "events"}
        case ["run", "part"]:
            return {"pk": ids["run"], "name": "summary"}
        case ["run", "verb"]:
            return {"pk": ids["run"], "verb": "cancellation"}
        case ["overview", "part"]:
            return {"name": "activity"}
        case [name]:
            return {"pk": ids[name]}
    raise AssertionError(f"{subject} is nothing known")


DOCUMENT = {"format": "spark-ops/workflow/1", "name": "brought-in", "text": TEXT}
NEW_TOOL = {"name": "new-one", "kind": "function", "config": {"function": "text-embed"}}
TYPED_TOOL = {"name": "new-one", "timeout_seconds": 30, "function": "text-embed", "cost_usd": 0}
TEXTS = {"texts": ["a"]}
TAGGED = {"tags": ["x"]}
# What a request must bring to come as far as its role: (route, method) -> body.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("ui:theme", "POST"): {"theme": "dark"},
    ("profile", "POST"): {"time_zone": "", "theme": "dark"},
    ("api:me", "PATCH"): {"theme": "dark"},
    ("new_project", "POST"): {"slug": "new-one", "name": "New one", "time_zone": "UTC"},
    ("api:runs_bulk", "POST"): {"project": "<project>", "action": "add_tags", "filter": {}, "arguments": TAGGED},
    ("api:workflows_bulk", "POST"): {
        "project": "<project>",
        "action": "add_tags",
        "ids": ["<spare>"],
        "arguments": TAGGED,
    },
    ("api:exports", "POST"): {"project": "<project>", "list": "runs", "format": "csv"},
    ("api:agents_bulk", "POST"): {"project": "<project>", "action": "disable", "ids": ["<agent>"]},
    ("api:tools_bulk", "POST"): {"project": "<project>", "action": "disable", "ids": ["<tool>"]},
    ("api:instances_bulk", "POST"): {"project": "<project>", "action": "disable", "ids": ["<instance>"]},
    ("runs:list", "POST"): {"action": "retry_run", "selected": ["<run>"]},
    ("runs:new", "POST"): {"workflow": "<workflow>", "environment": "dev", "as_json": "1", "json": "{}"},
    ("runs:review", "POST"): {"outcome": "failed"},
    ("workflows:list", "POST"): {"action": "archive_workflow", "selected": ["<spare>"]},
    ("workflows:new", "POST"): {"name": "new-one", "text": TEXT},
    ("workflows:import", "POST"): {"pasted": json.dumps(DOCUMENT)},
    ("workflows:draft_import", "POST"): {"pasted": json.dumps(DOCUMENT)},
    ("workflows:check", "POST"): {"text": TEXT},
    ("workflows:outline", "POST"): {"text": TEXT},
    ("workflows:details", "POST"): {"name": "renamed"},
    ("workflows:copy", "POST"): {"name": "copied"},
    ("workflows:edit", "POST"): {"text": TEXT},
    ("agents:list", "POST"): {"action": "disable", "selected": ["<agent>"]},
    ("agents:tool_list", "POST"): {"action": "disable", "selected": ["<tool>"]},
    ("agents:instance_list", "POST"): {"action": "disable", "selected": ["<instance>"]},
    ("agents:restore", "POST"): {"version": "1"},
    ("agents:tool_restore", "POST"): {"version": "1"},
    ("agents:test", "POST"): {"input": json.dumps({"input": TEXTS})},
    ("agents:tool_test", "POST"): {"input": json.dumps(TEXTS)},
    ("projects:members", "POST"): {"user": "mallory", "role": "viewer"},
    ("projects:invitations", "POST"): {"email": "new@example.com", "role": "viewer"},
    ("api:invitations", "POST"): {"email": "new@example.com", "role": "viewer"},
    ("projects:member_role", "POST"): {"role": "viewer"},
    ("projects:tokens", "POST"): {"name": "new", "role": "viewer", "days": "7"},
    ("projects:secrets", "POST"): {"name": "NEW", "value": "a value"},
    ("projects:settings", "POST"): {"name": "Acme", "time_zone": "UTC"},
    ("api:run_replay", "POST"): {"step": "only"},
    ("api:runs", "POST"): {"project": "<project>", "workflow": "<workflow>"},
    ("api:step_review", "POST"): {"outcome": "failed"},
    ("api:tasks", "POST"): {"project": "<project>", "task": "new-one"},
    ("api:task", "PATCH"): {"status": "succeeded"},
    ("api:workflows", "POST"): {"project": "<project>", "name": "new-one"},
    ("api:workflow_import", "POST"): {"project": "<project>", "document": DOCUMENT},
    ("api:workflow_draft_import", "POST"): {"document": DOCUMENT},
    ("api:workflow", "PUT"): {"name": "renamed", "specification": TEXT},
    ("api:workflow", "PATCH"): {"description": "changed"},
    ("api:workflow_text_check", "POST"): {"project": "<project>", "specification": TEXT},
    ("api:workflow_copies", "POST"): {"name": "copied"},
    ("api:agents", "POST"): {"project": "<project>", **NEW_TOOL},
    ("api:agent", "PUT"): NEW_TOOL,
    ("api:agent", "PATCH"): {"description": "changed"},
    ("api:agent_test", "POST"): {"input": {"input": TEXTS}},
    ("api:tools", "POST"): {"project": "<project>", **NEW_TOOL},
    ("api:tool", "PUT"): NEW_TOOL,
    ("api:tool", "PATCH"): {"description": "changed"},
    ("api:tool_test", "POST"): {"input": TEXTS},
    ("agents:deploy", "POST"): {"environment": "dev", "version": "1"},
    ("agents:scale", "POST"): {"min": "1", "max": "3", "desired": "2"},
    ("api:agent_deploy", "POST"): {"environment": "dev", "version": 1},
    ("api:agent_scale", "POST"): {"min": 1, "max": 3, "desired": 2},
    ("api:agent_health", "PUT"): {"probed": True},
    ("api:tool_health", "PUT"): {"probed": True},
    ("api:instances", "POST"): {"project": "<project>", "name": "new-one", "engine": "sqlite", "url": "/nowhere"},
    ("api:instance", "PUT"): {"name": "renamed", "engine": "sqlite"},
    ("api:instance", "PATCH"): {"description": "changed"},
    ("api:projects", "POST"): {"slug": "new-one", "name": "New one"},
    ("api:project", "PATCH"): {"name": "Renamed"},
    ("api:members", "POST"): {"user": "mallory", "role": "viewer"},
    ("api:member", "PATCH"): {"role": "viewer"},
    ("api:tokens", "POST"): {"project": "<project>", "name": "new", "role": "viewer", "days": 7},
    ("api:views", "POST"): {"project": "<project>", "list": "runs", "name": "New one"},
    ("api:view", "PATCH"): {"name": "Renamed"},
    ("api:secrets", "POST"): {"project": "<project>", "name": "NEW", "value": "a value"},
}
# What pages need to be told before they answer; `<run>` is the id of that thing.
QUERIES = {
    "agents:new": "kind=function",
    "agents:tool_new": "kind=function",
    "agents:instance_new": "kind=sqlite",
    "runs:compare": "ids=<run>,<ended>",
    "api:runs_compare": "ids=<run>,<ended>",
}


def query_of(things: Things, name: str) -> list[str]:
    query = QUERIES.get(name, "")
    for key, value in things.ids.items():
        query = query.replace(f"<{key}>", str(value))
    return [query] if query else []


def body_of(things: Things, name: str, method: str) -> dict[str, Any]:
    known = {f"<{key}>": str(value) for key, value in {**things.ids, "project": things.project.slug}.items()}
    filled = json.dumps(BODIES.get((name, method), {}))
    for mark, value in known.items():
        filled = filled.replace(mark, value)
    return json.loads(filled)
