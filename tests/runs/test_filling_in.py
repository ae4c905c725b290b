"""What migrations fill in for runs and calls of before is what the engine writes today."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from agents.actions import create_agent, create_instance, create_tool
from runs.models import Attempt, Call, Run
from tests.agents.model_server import model_server, says_text
from tests.runs.driving import broken_invariants, drain, function_tool, start, step
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)


def fill_in(migration: str) -> None:
    import_module(f"runs.migrations.{migration}").fill(None, SimpleNamespace(connection=connection))


def test_what_children_cost(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    make_workflow(world.acme, "child", {"steps": [step("a", "tool:echo")]})
    drain(start(world, step("call", "workflow:child"), step("own", "tool:echo")))
    written = ("pk", "children_cost_usd", "children_input_tokens", "children_output_tokens", "is_counted")
    before = list(Run.objects.order_by("pk").values(*written))
    assert {row["children_cost_usd"] for row in before} == {Decimal(0), Decimal("0.25")}
    Run.objects.update(children_cost_usd=0, is_counted=False)
    fill_in("0013_fill_in_what_child_runs_cost")
    assert list(Run.objects.order_by("pk").values(*written)) == before


def test_model_environment_and_instance_of_calls(world, settings, tmp_path):
    sqlite3.connect(tmp_path / "shop.db").close()
    files = {"name": "files", "engine": "sqlite", "url": str(tmp_path / "shop.db")}
    create_instance(world.acme, by=world.actor("alice"), **files)
    config = {"instance": "files", "sql": "SELECT 1 AS one"}
    create_tool(world.acme, name="ask-files", kind="sql", config=config, by=world.actor("erin"))
    with model_server(says_text("done")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        config = {"base_url": f"{model.url}/v1", "model": "scripted"}
        create_agent(world.acme, name="worker", kind="llm", config=config, by=world.actor("erin"))
        steps = step("model", "agent:worker", with_={"prompt": "Go"}), step("tool", "tool:ask-files")
        drain(start(world, *steps, environment="production"))
    written = ("pk", "model", "environment", "instance", "is_test")
    before = list(Call.objects.order_by("pk").values(*written))
    assert {row["model"] for row in before} == {"scripted", ""}
    Call.objects.update(model="", environment="", instance=None, is_test=True)
    fill_in("0015_fill_in_model_environment_and_instance_of_calls")
    assert list(Call.objects.order_by("pk").values(*written)) == before


def test_the_run_of_attempts_and_of_parents(world, monkeypatch):
    make_workflow(world.acme, "child", {"steps": [step("a")]})
    drain(start(world, step("call", "workflow:child"), step("own")))
    attempts, runs = Attempt.objects.order_by("pk").values("pk", "run_id"), Run.objects.order_by("pk")
    before = list(attempts), list(runs.values("pk", "parent_run_id"))
    assert len({row["run_id"] for row in before[0]}) == 2
    assert {row["parent_run_id"] for row in before[1]} == {None, before[1][0]["pk"]}
    check = next(one for one in Run._meta.constraints if one.name == "run_of_a_step_knows_its_run")
    module = import_module("runs.migrations.0023_fill_in_the_run_of_attempts_and_of_parents")
    # One ends between the two runs, however many there were before them.
    monkeypatch.setattr(module, "BATCH", before[1][0]["pk"])
    with connection.schema_editor() as editor, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE runs_attempt ALTER run_id DROP NOT NULL")
        editor.remove_constraint(Run, check)
        Attempt.objects.update(run=None)
        Run.objects.update(parent_run=None)
        module.fill(None, SimpleNamespace(connection=connection))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE runs_attempt ALTER run_id SET NOT NULL")
        editor.add_constraint(Run, check)
    assert (list(attempts.all()), list(runs.values("pk", "parent_run_id"))) == before
    assert broken_invariants() == {}
