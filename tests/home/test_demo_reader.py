"""What an editor of the demo project can learn of the portal's own database through the role that the demo has."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from agents.databases.own_database import reader_role
from agents.instances.connections import open_instance, open_url, report_on, stored_url
from agents.instances.portal_database import comment_on_reader
from agents.models import Instance
from controlplane.home.demo import create_demo, keep_up_demo
from controlplane.home.demo.project import NOTE
from controlplane.home.demo.reader import drop_reader
from controlplane.projects.tenants.actors import SYSTEM
from runs.actions import start_run
from runs.models import RunState
from tests.home.conftest import run_to_its_end
from tests.servers import SUPERUSER_URL
from workflows.actions import release_draft, save_draft
from workflows.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)
MARKER = "k3y0fasuperuserssession0123456789"
# One statement that looks again and again, as an editor would write it.
SAMPLE = """
SELECT DISTINCT activity.query FROM generate_series(1, 400) again, LATERAL pg_stat_get_activity(
  nullif(length(pg_sleep(0.002)::text) + length(pg_stat_clear_snapshot()::text) + 0 * again, 0)) activity
"""
SHUT = [
    "UPDATE public.runs_steprun SET state = 'queued'",
    "CREATE TABLE public.mine (id int)",
    "SELECT sealed FROM public.projects_secret",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SELECT query_to_xml('SELECT session_key FROM public.django_session', true, true, '')",
    "SELECT * FROM public.django_session",
    "SELECT * FROM public.runs_worker",
    "SELECT id FROM public.runs_steprun",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT * FROM pg_largeobject",
    "SELECT * FROM pg_logical_slot_peek_changes('any', NULL, NULL)",
    "SELECT pg_create_logical_replication_slot('any', 'pgoutput')",
    "SELECT * FROM pg_subscription",
    "SELECT * FROM pg_user_mapping",
    "SELECT current_setting('unix_socket_directories')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SET ROLE sparkops",
    "SET SESSION AUTHORIZATION postgres",
    "CREATE FUNCTION sparkops_health.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
]
OLD_QUERY = "SELECT count(*) FROM public.runs_steprun WHERE state = 'queued'"


@pytest.fixture
def demo(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
    User.objects.create_superuser("admin", password="correct-horse-battery")
    yield create_demo()
    drop_reader()


def portal_database() -> Instance:
    return Instance.objects.get(name="portal-database")


@contextmanager
def signed_in(instance: Instance):
    """As the demo's role, with its own credentials and nothing of the portal between."""
    with psycopg.connect(**open_instance(instance).connection.conninfo, autocommit=True) as database:
        yield database


@contextmanager
def somebody_signing_in():
    """Another thread uses a session, over and over."""
    finished = threading.Event()
    Session.objects.create(session_key=MARKER, session_data="x", expire_date=timezone.now())

    def use() -> None:
        while not finished.is_set():
            Session.objects.filter(session_key=MARKER).update(session_data=MARKER)
        connection.close()

    thread = threading.Thread(target=use)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def test_the_statements_of_others_do_not_show(demo):
    with somebody_signing_in():
        with signed_in(portal_database()) as database:
            seen = {row[0] for row in database.execute(SAMPLE)}
        with connection.cursor() as cursor:
            cursor.execute(SAMPLE)
            seen_by_the_portal = {row[0] for row in cursor.fetchall()}
    # The portal's own role shows that looking like this does find the statements. Values are not even there.
    assert any("django_session" in text for text in seen_by_the_portal)
    assert not any(MARKER in text for text in seen_by_the_portal)
    assert seen <= {SAMPLE.strip(), SAMPLE, "<insufficient privilege>", ""}


def test_it_may_call_our_five_functions_and_nothing_else(demo):
    functions = """
        SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
        WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND has_schema_privilege(n.oid, 'USAGE')
          AND has_function_privilege(p.oid, 'EXECUTE') AND prosecdef ORDER BY 1"""
    tables = """
        SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema')
          AND has_schema_privilege(n.oid, 'USAGE')
          AND (has_any_column_privilege(c.oid, 'SELECT') OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE'))"""
    groups = "SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'MEMBER') AND rolname <> current_user"
    with signed_in(portal_database()) as database:
        names = [row[0] for row in database.execute(functions)]
        assert names == ["connections", "queue", "sessions", "size", "slowest_tables"]
        assert database.execute(tables).fetchall() == []
        assert {row[0] for row in database.execute(groups)} <= {"sparkops_readers"}


def test_what_else_a_role_could_look_at_is_shut(demo):
    with signed_in(portal_database()) as database:
        database.execute("SET default_transaction_read_only = off")
        for statement in SHUT:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)


def test_a_role_of_an_earlier_version_loses_what_it_had_and_the_workflow_goes_on(demo):
    """As that version left them: statistics, two tables, a workflow that reads these."""
    instance, workflow = portal_database(), Workflow.objects.get(project=demo, name="database-health")
    old_url = stored_url(instance)
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT SELECT ON runs_worker TO "{reader_role()}"')
        cursor.execute(f'GRANT SELECT (id, state) ON runs_steprun TO "{reader_role()}"')
    if url := os.environ.get(SUPERUSER_URL):
        with psycopg.connect(url) as superuser:
            superuser.execute(f'GRANT pg_read_all_stats TO "{reader_role()}"')
    text = workflow.current.text.replace("SELECT * FROM sparkops_health.queue()", OLD_QUERY)
    save_draft(workflow, text=text, by=SYSTEM)
    release_draft(workflow, note=NOTE, by=SYSTEM)

    keep_up_demo()

    instance.refresh_from_db()
    assert stored_url(instance) != old_url
    with signed_in(instance) as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute(OLD_QUERY)
    with signed_in(instance) as database:
        mine = "SELECT pg_has_role('pg_read_all_stats', 'MEMBER')"
        assert database.execute(mine).fetchone() == (False,)
    workflow = Workflow.objects.select_related("project", "current").get(pk=workflow.pk)
    assert workflow.current.number == 3
    run = run_to_its_end(start_run(workflow, inputs={}, by=SYSTEM))
    assert run.state == RunState.SUCCEEDED, run.error
    keep_up_demo()
    assert workflow.versions.count() == 3


def test_a_workflow_that_somebody_changed_stays_as_it_is(demo):
    workflow = Workflow.objects.select_related("project", "current").get(project=demo, name="database-health")
    save_draft(workflow, text=workflow.current.text.replace("default: 8", "default: 9"), by=SYSTEM)
    release_draft(workflow, note="More tables", by=SYSTEM)
    keep_up_demo()
    assert workflow.versions.count() == 2


def test_a_role_that_no_instance_uses_is_taken_away(demo):
    portal_database().delete()
    keep_up_demo()
    assert comment_on_reader() is None


def test_only_the_reader_itself_may_read_the_portals_database(demo):
    """Not its name: somebody else with all that it has."""
    report = {}
    with psycopg.connect(os.environ.get(SUPERUSER_URL) or pytest.skip("no superuser")) as superuser:
        superuser.autocommit = True
        superuser.execute(f"CREATE ROLE twin LOGIN PASSWORD 'pass-word' IN ROLE \"{reader_role()}\"")
        try:
            instance = portal_database()
            parts = urlsplit(stored_url(instance))
            url = urlunsplit(parts._replace(netloc="twin:pass-word@"))
            report = _report(instance, url)
        finally:
            superuser.execute("DROP ROLE twin")
    assert report["problems"] == ["This address leads to the portal's own database, which instances must not read."]


def _report(instance: Instance, url: str) -> dict:
    return report_on(open_url(instance.project_id, instance.engine, url), token=None).as_dict()
