"""The named people and projects that every test knows, and quick ways to give them workflows and runs.

acme: alice (admin), erin (editor), anna (approver), bob (operator), vera (viewer).
globex: mallory (admin), who must never see anything of acme.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from controlplane.projects.actions import create_token
from controlplane.projects.models import Member, Project
from controlplane.projects.tenants.actors import Access, Actor
from runs.models import RUN_FINAL, Run, RunState
from tests.cookies import use_cookies
from workflows.models import Version, VersionState, Workflow

use_cookies()
PASSWORD = "correct-horse-battery"
ROLES = {"alice": "admin", "erin": "editor", "anna": "approver", "bob": "operator", "vera": "viewer"}
DOCUMENT = {"steps": [{"key": "only", "uses": "noop"}]}


@dataclass
class World:
    """Two projects and their people."""

    acme: Project
    globex: Project
    people: dict[str, User]

    def __getattr__(self, name: str) -> User:
        """`world.bob` is bob's account."""
        try:
            return self.__dict__["people"][name]
        except KeyError as error:
            raise AttributeError(name) from error

    def home_of(self, name: str) -> Project:
        return self.globex if name == "mallory" else self.acme

    def actor(self, name: str) -> Actor:
        """`name` as the `by` of an action, in their own project."""
        return Access.of_user(self.people[name]).actor_in(self.home_of(name).pk)

    def client(self, name: str | None = None) -> Client:
        """A browser, signed in as `name` unless None."""
        client = Client()
        if name:
            client.force_login(self.people[name])
        return client

    def api(self, name: str, role: str | None = None) -> APIClient:
        """A script with a token of `name` for their project, with their role or a lower one."""
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.token(name, role)}")
        return client

    def token(self, name: str, role: str | None = None) -> str:
        by = self.actor(name)
        return create_token(self.home_of(name), name=f"{name}'s", role=role or by.role, days=1, by=by)[1]


@pytest.fixture
def world(db) -> World:
    return build_world()


def build_world() -> World:
    """For suites that make it once for a whole module."""
    acme = Project.objects.create(slug="acme", name="Acme", time_zone="Europe/Berlin")
    globex = Project.objects.create(slug="globex", name="Globex")
    names = [*ROLES, "mallory"]
    accounts = [User(username=name, email=f"{name}@example.com", password=password_hash()) for name in names]
    people = dict(zip(names, User.objects.bulk_create(accounts), strict=True))
    addresses = [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in people.values()]
    EmailAddress.objects.bulk_create(addresses)
    members = [Member(project=acme, user=people[name], role=role) for name, role in ROLES.items()]
    Member.objects.bulk_create([*members, Member(project=globex, user=people["mallory"], role="admin")])
    return World(acme, globex, people)


@cache
def password_hash() -> str:
    """Argon2 is slow on purpose, so one hash serves everybody."""
    return make_password(PASSWORD)


def make_workflow(project: Project, name: str = "nightly", document: dict | None = None, **fields) -> Workflow:
    """A workflow with a released version 1, by default of one step that does nothing."""
    workflow = Workflow.objects.create(project=project, name=name, **fields)
    workflow.current = Version.objects.create(
        workflow=workflow,
        number=1,
        state=VersionState.RELEASED,
        text="",
        document=document or DOCUMENT,
        created_by="erin",
        released_at=timezone.now(),
        released_by="erin",
    )
    workflow.save(update_fields=["current"])
    return workflow


def make_run(workflow: Workflow, state: str = RunState.SUCCEEDED, **fields) -> Run:
    """One run as a row, with times that fit its state; the engine knows nothing of it."""
    return make_runs(workflow, 1, state, **fields)[0]


def make_runs(workflow: Workflow, count: int, state: str = RunState.SUCCEEDED, **fields) -> list[Run]:
    """`count` runs, the first the oldest, a second apart."""
    now = timezone.now()
    rows = [run_row(workflow, state, now - timedelta(seconds=count - index), fields) for index in range(count)]
    return Run.objects.bulk_create(rows)


def run_row(workflow: Workflow, state: str, created_at, fields: dict) -> Run:
    started = {} if state == RunState.QUEUED else {"started_at": created_at}
    ended = {"ended_at": created_at + timedelta(milliseconds=1500)} if state in RUN_FINAL else {}
    given = {"created_at": created_at, "created_by": "bob", **started, **ended, **fields}
    return Run(project_id=workflow.project_id, workflow=workflow, version=workflow.current, state=state, **given)
