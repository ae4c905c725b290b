"""Events go up: reactions see each event of theirs, whoever wrote it, and have their effect once."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from controlplane.domain.recording import record
from controlplane.events.models import Event
from controlplane.events.reactions import declared, reading
from controlplane.events.reactions.declared import reacts_to
from controlplane.events.reactions.reacting import react
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import SYSTEM
from tests.events.reactions import (
    count_effect,
    effect_types,
    happen,
    ids,
    on_failed,
    on_succeeded,
    seen,
    with_reactions,
)
from tests.runs.driving import drain, fails, start, step

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("counted")]


@pytest.mark.parametrize("types", [(), ("run.*",), ("step.",), ("failed",), ("Run.failed",), ("run.failed", "*")])
def test_only_exact_names_of_events_are_taken(types):
    with pytest.raises(ValueError, match="exactly"):
        reacts_to(*types)


def test_an_event_that_no_app_declares_is_refused():
    misspelt = reacts_to("run.faild")(lambda event: None)
    with pytest.raises(ValueError, match=r"run\.faild"):
        declared.install(misspelt)
    assert misspelt.name not in declared.installed


def test_two_of_one_name_are_refused():
    twin = reacts_to("run.failed", name="on_failed")(lambda event: None)
    with with_reactions(on_failed), pytest.raises(ValueError, match="on_failed"):
        declared.install(twin)


def test_what_a_repetition_is_known_by_is_of_reaction_and_event(world):
    [event] = happen(world.acme, "run.failed")
    assert on_failed.key_of(event) == f"on_failed:{event.pk}"
    assert on_succeeded.key_of(event) != on_failed.key_of(event)


def test_a_new_reaction_begins_with_what_happens_from_now_on(world):
    happen(world.acme, "run.failed")
    with with_reactions(on_failed):
        assert react() == 0
        later = happen(world.acme, "run.failed", "run.succeeded", "run.failed")
        assert react() == 2
    assert seen("on_failed") == ids([later[0], later[2]])


def test_one_that_leaves_the_code_and_comes_back_goes_on_where_it_was(world):
    with with_reactions(on_failed):
        react()
    missed = happen(world.acme, "run.failed")
    assert react() == 0
    with with_reactions(on_failed):
        react()
    assert seen("on_failed") == ids(missed)


def test_events_of_actions_and_of_the_engine_are_seen_those_of_steps_as_well(world):
    types = ("run.created", "run.started", "run.tagged", "step.started", "step.succeeded", "step.failed", "run.failed")
    everything = reacts_to(*types, name="everything")(lambda event: count_effect("everything", event))
    with with_reactions(everything):
        react()
        run = start(world, step("a"), fails("b", needs="a"))
        record("run.tagged", run, by=SYSTEM)
        drain(run)
        react()
    told = [type for type in Event.objects.order_by("xid", "id").values_list("type", flat=True) if type in types]
    assert effect_types("everything") == told
    assert set(told) == set(types)


def test_an_event_of_an_open_transaction_is_not_stepped_over(world):
    with with_reactions(on_failed):
        react()
        other = connection.copy()
        with other.cursor() as sql:
            sql.execute("BEGIN")
            sql.execute("SELECT pg_current_xact_id()")
            [early] = happen(world.acme, "run.failed")
            assert react() == 0
            sql.execute(
                "INSERT INTO events_event (project_id, subject_kind, subject_id, type, actor, data)"
                " VALUES (%s, 'run', 1, 'run.failed', 'late', '{}')",
                [world.acme.pk],
            )
            sql.execute("COMMIT")
        other.close()
        assert react() == 2
    assert len(seen("on_failed")) == 2
    assert early.pk in seen("on_failed")


def test_more_than_fits_into_one_transaction_goes_on(world):
    with with_reactions(on_failed):
        react()
        events = happen(world.acme, *["run.failed"] * 250)
        while react():
            pass
    assert seen("on_failed") == ids(events)


def test_a_deleted_project_takes_its_events_along_and_breaks_nothing(world):
    gone = Project.objects.create(slug="gone", name="Gone")
    with with_reactions(on_failed):
        react()
        happen(gone, "run.failed")
        react()
        happen(gone, "run.failed")
        gone.delete()
        [kept] = happen(world.acme, "run.failed")
        react()
    assert kept.pk in seen("on_failed")
    assert len(seen("on_failed")) == 2


def test_it_reads_by_the_index_and_only_what_it_wants(world):
    happen(world.acme, *["run.failed"] * 5)
    with connection.cursor() as sql:
        sql.execute(
            "INSERT INTO events_event (project_id, subject_kind, subject_id, type, actor, data)"
            " SELECT %s, 'run', 1, 'step.started', 'bob', '{}' FROM generate_series(1, 20000)",
            [world.acme.pk],
        )
        sql.execute("ANALYZE events_event")
        asked = {"types": ["run.failed", "run.timed_out"], "xid": "0", "id": 0, "limit": 100}
        sql.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {reading.AFTER}", asked)
        [[found]] = sql.fetchall()
    plan = json.dumps(found)
    assert "event_for_reactions" in plan
    assert "Seq Scan" not in plan
    assert found[0]["Plan"]["Actual Rows"] == 5
