"""`prepare` looks whether the database keeps every rule that the models rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection

from controlplane.embedded.folders import REPOSITORY
from tests.browser.stack import database

pytestmark = pytest.mark.django_db


def prepare() -> str:
    said = StringIO()
    call_command("prepare", stdout=StringIO(), stderr=said)
    return said.getvalue()


@pytest.fixture(autouse=True)
def without_demo(monkeypatch):
    monkeypatch.setenv("SPARKOPS_DEMO", "0")
    monkeypatch.setenv("SPARKOPS_ADMIN_PASSWORD", "correct-horse-battery")


def test_a_whole_schema_passes_in_silence():
    assert prepare() == ""


@pytest.mark.parametrize(
    ("table", "kind", "name"),
    [
        ("runs_steprun", "CONSTRAINT", "one_step_run_per_index"),
        ("runs_steprun", "INDEX", "one_step_run_per_key"),
        ("events_event", "CONSTRAINT", "one_event_per_seq"),
        ("runs_steprun", "CONSTRAINT", "running_step_has_a_lease"),
    ],
)
def test_a_rule_that_the_database_lost_stops_the_start_by_name(table, kind, name):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}" if kind == "INDEX" else f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("prepare", stdout=StringIO(), stderr=said)
    assert f"The table {table} lacks the constraint {name}." in said.getvalue()


def test_the_models_need_nothing_that_postgresql_14_lacks(monkeypatch):
    """Django leaves out what a server cannot do, with a warning that nobody reads."""
    for version in (15, 16, 17):
        monkeypatch.setattr(connection.features, f"is_postgresql_{version}", False)
    assert not connection.features.supports_nulls_distinct_unique_constraints
    assert checks.run_checks(tags=[checks.Tags.models], databases=["default"]) == []


@pytest.mark.slow
def test_migrate_begins_with_an_empty_database_and_goes_on_with_half_of_one():
    with database(f"empty_{os.getpid()}") as url:
        for target in (("runs", "0005"), ()):
            command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target]
            migrated = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "DATABASE_URL": url}, check=False)
            assert migrated.returncode == 0
        checked = [sys.executable, "manage.py", "check", "--database", "default"]
        subprocess.run(checked, cwd=REPOSITORY, env={**os.environ, "DATABASE_URL": url}, check=True)
