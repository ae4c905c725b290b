"""The demo project really works, on what is really there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import distribution
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection

from agents.builtins.warehouse import warehouse_path
from agents.databases.own_database import reader_role
from agents.instances.portal_database import COMMENT, comment_on_reader
from agents.models import Instance, Tool
from controlplane.domain.errors import ActionRefused
from controlplane.events.models import Event
from controlplane.home.demo import create_demo
from controlplane.home.demo.reader import drop_reader, make_reader
from controlplane.projects.models import Member, Project
from controlplane.projects.tenants.actors import SYSTEM
from runs.actions import start_run
from runs.models import Run, RunState
from tests.home.conftest import run_to_its_end
from workflows.models import Version, Workflow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin():
    return User.objects.create_superuser("admin", password="correct-horse-battery")


@pytest.fixture
def demo(admin, settings, tmp_path, live_server):
    address = urlsplit(live_server.url)
    settings.HOST, settings.PORT = address.hostname, address.port
    settings.OUTBOUND_ALLOW, settings.INSTANCE_SOCKETS = [address.netloc], []
    settings.DATA_DIR = tmp_path
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
    yield create_demo()
    drop_reader()


def released(project: Project, name: str) -> Workflow:
    return Workflow.objects.select_related("project", "current").get(project=project, name=name)


def run_of(project: Project, name: str, **inputs) -> Run:
    return run_to_its_end(start_run(released(project, name), inputs=inputs, by=SYSTEM))


def counts() -> list[int]:
    return [model.objects.count() for model in (Project, Tool, Instance, Workflow, Version, Run, Event)]


def test_the_administrator_gets_three_released_workflows_and_a_run_of_one(demo, admin):
    assert Member.objects.get(project=demo).user == admin
    names = Workflow.objects.filter(project=demo, current__state="released").values_list("name", flat=True)
    assert list(names.order_by("name")) == ["database-health", "portal-health", "software-inventory"]
    assert Run.objects.get().workflow.name == "software-inventory"


def test_a_second_call_changes_nothing(demo):
    before = counts()
    assert create_demo() == demo
    assert counts() == before


def test_a_piece_that_is_missing_is_made_again(demo):
    Tool.objects.filter(name="embed-texts").delete()
    create_demo()
    assert Tool.objects.filter(project=demo, name="embed-texts").exists()


def test_it_waits_for_an_administrator():
    with pytest.raises(ActionRefused, match="Create an administrator first"):
        create_demo()
    assert not Project.objects.exists()


def test_the_inventory_loads_what_is_installed(demo):
    run = run_to_its_end(Run.objects.get())
    assert run.state == RunState.SUCCEEDED, run.error
    with closing(sqlite3.connect(warehouse_path(demo.pk, "warehouse"))) as warehouse:
        loaded = dict(warehouse.execute("SELECT name, version FROM packages"))
        (vectors,) = warehouse.execute("SELECT count(*) FROM package_vectors").fetchone()
    assert loaded["Django"] == distribution("django").version
    assert run.outputs["packages"] == run.outputs["new_packages"] == run.outputs["vectors"] == vectors == len(loaded)
    assert len(run.outputs["largest"]) == 10
    assert run.log_chunks.exists()


def test_the_inventory_is_limited_by_its_inputs(demo):
    run = run_of(demo, "software-inventory", name_contains="django", limit=2, dimensions=32)
    assert run.state == RunState.SUCCEEDED, run.error
    assert 2 < run.outputs["packages"] < 20
    assert len(run.outputs["largest"]) == 2
    assert run.steps.get(key="vectorize").output["dimensions"] == 32


def test_an_inventory_that_finds_nothing_ends_well(demo):
    run = run_of(demo, "software-inventory", name_contains="no-such-package")
    assert run.state == RunState.SUCCEEDED, run.error
    assert run.outputs["packages"] == run.outputs["vectors"] == 0
    assert run.steps.get(key="store_vectors").state == "skipped"


def test_database_health_reads_the_portals_own_database(demo):
    run = run_of(demo, "database-health", tables=3)
    assert run.state == RunState.SUCCEEDED, run.error
    size, tables = (run.steps.get(key=key).output["rows"] for key in ("size", "slowest_tables"))
    assert size[0][0] == connection.settings_dict["NAME"]
    assert len(tables) == 3
    assert run.outputs["healthy"] == (run.steps.get(key="sessions").state == "skipped")


def test_database_health_looks_closer_when_something_is_wrong(demo):
    run = run_of(demo, "database-health", warn_at_percent=1)
    assert run.state == RunState.SUCCEEDED, run.error
    assert "Connections run short." in run.outputs["findings"]
    assert run.steps.get(key="sessions").output["row_count"] > 0


def test_portal_health_asks_the_portal_itself(demo):
    run = run_of(demo, "portal-health", pause_seconds=0)
    assert run.state == RunState.SUCCEEDED, run.error
    assert run.outputs == {"healthy": True, "answers": 4}


def test_without_the_right_to_make_roles_there_is_no_reader():
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE test_weak NOLOGIN")
        cursor.execute("GRANT test_weak TO CURRENT_USER")
        cursor.execute("SET ROLE test_weak")
        try:
            assert make_reader() is None
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE test_weak")


@pytest.fixture
def role(request):
    """A role with the reader's name that is there already; `request.param` is what is written on it."""
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{reader_role()}" CREATEDB')
        cursor.execute(f"COMMENT ON ROLE \"{reader_role()}\" IS '{request.param}'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f'DROP ROLE IF EXISTS "{reader_role()}"')


@pytest.mark.parametrize("role", ["Of somebody else"], indirect=True)
def test_a_role_of_somebody_else_is_left_alone_and_the_warehouse_is_queried_instead(role, demo):
    assert make_reader() is None
    drop_reader()
    assert comment_on_reader() == "Of somebody else"
    assert not Instance.objects.filter(name="portal-database").exists()
    assert "no role that can only read" in released(demo, "database-health").description
    run_to_its_end(Run.objects.get())
    run = run_of(demo, "database-health")
    assert run.state == RunState.SUCCEEDED, run.error
    assert run.outputs["healthy"] is True
    assert run.outputs["packages"] > 20


@pytest.mark.parametrize("role", [COMMENT], indirect=True)
def test_a_reader_that_could_do_more_is_made_anew(role, demo):
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", [reader_role()])
        assert cursor.fetchone() == (False,)
    assert Instance.objects.filter(name="portal-database").exists()
