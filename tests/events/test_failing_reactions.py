"""A reaction that raises is tried again, shown and in the end got out of the way, and never stops the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from prometheus_client.parser import text_string_to_metric_families

from controlplane.events.models import Event, ReactionCursor, SetAside
from controlplane.events.reactions.declared import Retry, reacts_to
from controlplane.events.reactions.reacting import react
from controlplane.portal.sweeping import sweep
from controlplane.projects.models import Member, Project
from tests.events.reactions import count_effect, happen, ids, on_failed, seen, with_reactions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("counted")]
THREE_TRIES = Retry(tries=3)


@reacts_to("run.failed", retry=THREE_TRIES)
def on_trouble(event: Event) -> None:
    """Fails at the events that say so, after it has had its effect."""
    count_effect("on_trouble", event)
    if event.data.get("fail"):
        raise RuntimeError("no good\x00")


@pytest.fixture
def trouble(world):
    with with_reactions(on_trouble, on_failed):
        react()
        yield ReactionCursor.objects.get(name="on_trouble")


def be_due() -> None:
    """As if the pause were over."""
    ReactionCursor.objects.update(next_try_at=Now())


def test_the_effect_of_one_that_fails_is_undone_and_the_others_go_on(world, trouble):
    [bad, good] = [*happen(world.acme, "run.failed", fail=True), *happen(world.acme, "run.failed")]
    react()
    assert seen("on_trouble") == []
    assert seen("on_failed") == [bad.pk, good.pk]
    trouble.refresh_from_db()
    assert (trouble.failures, trouble.failing_id) == (1, bad.pk)
    assert trouble.last_error.startswith("RuntimeError: no good")


def test_what_came_before_the_failure_is_kept(world, trouble):
    first = happen(world.acme, "run.failed", "run.failed")
    happen(world.acme, "run.failed", fail=True)
    react()
    react()
    assert seen("on_trouble") == ids(first)


def test_the_pauses_grow_by_the_clock_of_the_database(world, trouble):
    happen(world.acme, "run.failed", fail=True)
    pauses = []
    for _ in range(2):
        react()
        # Both were set by one statement.
        trouble.refresh_from_db()
        pauses.append(trouble.next_try_at - trouble.updated_at)
        assert react() == 0
        failures = trouble.failures
        trouble.refresh_from_db()
        assert trouble.failures == failures
        be_due()
    assert pauses == [timedelta(seconds=1), timedelta(seconds=2)]
    assert ReactionCursor.objects.filter(name="on_trouble", next_try_at__lte=Now()).exists()


def test_pauses_end_growing():
    assert [Retry().pause_after(n) for n in (1, 2, 9, 10, 2000)] == [1, 2, 256, 300, 300]


def test_after_many_failures_the_event_is_set_aside_and_those_behind_it_go_on(world, trouble):
    [bad] = happen(world.acme, "run.failed", fail=True)
    [good] = happen(world.acme, "run.failed")
    for _ in range(THREE_TRIES.tries):
        assert seen("on_trouble") == []
        be_due()
        react()
    row = SetAside.objects.get()
    assert (row.reaction.name, row.event_id, row.type, row.project) == (
        "on_trouble",
        bad.pk,
        "run.failed",
        world.acme,
    )
    assert row.error.startswith("RuntimeError: no good")
    assert seen("on_trouble") == [good.pk]
    trouble.refresh_from_db()
    assert (trouble.failures, trouble.last_error, trouble.failures_total) == (0, "", 3)


def test_failures_are_counted_of_one_event(world, trouble):
    gone = Project.objects.create(slug="gone", name="Gone")
    happen(gone, "run.failed", fail=True)
    happen(world.acme, "run.failed", fail=True)
    react()
    gone.delete()
    be_due()
    react()
    trouble.refresh_from_db()
    assert (trouble.failures, trouble.failures_total) == (1, 2)


def test_what_only_a_commit_would_find_is_the_failure_of_its_event(world):
    """A foreign key is checked at the end of a transaction, which is one of many events."""

    @reacts_to("run.failed")
    def points_nowhere(event: Event) -> None:
        count_effect("points_nowhere", event)
        if event.data.get("fail"):
            Member.objects.create(project_id=world.acme.pk, user_id=2**30, role="viewer")

    with with_reactions(points_nowhere):
        react()
        first = happen(world.acme, "run.failed")
        happen(world.acme, "run.failed", fail=True)
        react()
        assert seen("points_nowhere") == ids(first)
        assert "IntegrityError" in ReactionCursor.objects.get().last_error


def test_a_transaction_that_a_reaction_broke_and_went_on_with_is_a_failure(world):
    """As `locked_run` leaves it after a refusal, whoever catches that."""

    @reacts_to("run.failed")
    def catches(event: Event) -> None:
        count_effect("catches", event)
        try:
            with transaction.atomic(savepoint=False):
                raise KeyError
        except KeyError:
            pass

    with with_reactions(catches):
        react()
        happen(world.acme, "run.failed")
        react()
        assert (seen("catches"), ReactionCursor.objects.get().failures) == ([], 1)


def test_one_that_ends_its_own_connection_is_found_and_stops_nobody(world):
    """Which event it was is not known at first: it was one of many in a transaction."""

    @reacts_to("run.failed", retry=Retry(tries=2))
    def ends(event: Event) -> None:
        count_effect("ends", event)
        if event.data.get("fail"):
            with connection.cursor() as sql:
                sql.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with with_reactions(ends, on_failed):
        react()
        first = happen(world.acme, "run.failed", "run.failed")
        [bad] = happen(world.acme, "run.failed", fail=True)
        last = happen(world.acme, "run.failed")
        assert sweep()["reactions"] == 4
        for _ in range(12):
            be_due()
            react()
        assert seen("on_failed") == ids([*first, bad, *last])
        assert seen("ends") == ids([*first, *last])
        assert SetAside.objects.get().event_id == bad.pk


def test_a_broken_one_does_not_stop_the_sweep(world, trouble):
    happen(world.acme, "run.failed", fail=True)
    assert sweep()["reactions"] == 1
    assert len(seen("on_failed")) == 1


def test_collectors_read_how_far_behind_each_is(world, trouble):
    happen(world.acme, *["run.failed"] * 3, fail=True)
    Event.objects.update(at=F("at") - timedelta(seconds=100))
    react()
    text = world.client().get("/metrics").content.decode()
    found = {
        (sample.name.removeprefix("sparkops_reaction_"), sample.labels["reaction"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "reaction" in sample.labels
    }
    assert (found["lag_events", "on_trouble"], found["lag_events", "on_failed"]) == (3, 0)
    assert 100 <= found["lag_seconds", "on_trouble"] < 1000
    assert found["lag_seconds", "on_failed"] == 0
    assert (found["failures_total", "on_trouble"], found["failures_total", "on_failed"]) == (1, 0)
    assert found["set_aside_events", "on_trouble"] == 0


@pytest.fixture
def root(world):
    world.alice.is_staff = world.alice.is_superuser = True
    world.alice.save()
    return world.client("alice")


def act(client, model: str, action: str, pk: int) -> str:
    """Choose an action of the admin for one row; the page that follows."""
    given = {"action": action, "_selected_action": [pk]}
    return client.post(f"/admin/events/{model}/", given, follow=True).content.decode()


def test_the_admin_shows_what_fails_and_why(world, trouble, root):
    happen(world.acme, "run.failed", fail=True)
    react()
    page = root.get("/admin/events/reactioncursor/").content.decode()
    assert "on_trouble" in page
    assert "RuntimeError: no good" in page
    assert "1 for " in page
    assert root.post(f"/admin/events/reactioncursor/{trouble.pk}/change/", {"name": "x"}).status_code == 403


def test_an_administrator_ends_the_pause(world, trouble, root):
    happen(world.acme, "run.failed", fail=True)
    react()
    ReactionCursor.objects.update(next_try_at=Now() + timedelta(hours=1))
    Event.objects.update(data={})
    assert react() == 0
    assert "Done: on_trouble." in act(root, "reactioncursor", "try_now", trouble.pk)
    react()
    assert len(seen("on_trouble")) == 1


def test_an_administrator_sets_aside_and_lets_it_have_its_effect_later(world, trouble, root):
    [bad] = happen(world.acme, "run.failed", fail=True)
    [good] = happen(world.acme, "run.failed")
    react()
    act(root, "reactioncursor", "set_failing_aside", trouble.pk)
    react()
    assert seen("on_trouble") == [good.pk]
    row = SetAside.objects.get()
    assert "RuntimeError" in root.get("/admin/events/setaside/").content.decode()
    assert root.get(f"/admin/events/setaside/{row.pk}/change/").status_code == 200
    assert "It failed again: no good" in act(root, "setaside", "react_again", row.pk)
    assert SetAside.objects.count() == 1
    Event.objects.filter(pk=bad.pk).update(data={})
    act(root, "setaside", "react_again", row.pk)
    assert (seen("on_trouble"), SetAside.objects.count()) == ([bad.pk, good.pk], 0)


def test_nothing_is_set_aside_of_one_that_does_not_fail(trouble, root):
    assert "It does not fail at any event." in act(root, "reactioncursor", "set_failing_aside", trouble.pk)


def test_what_is_set_aside_goes_with_its_project_and_outlives_its_event(world, trouble, root):
    happen(world.acme, "run.failed", fail=True)
    react()
    act(root, "reactioncursor", "set_failing_aside", trouble.pk)
    Event.objects.all().delete()
    row = SetAside.objects.get()
    assert "does not exist any more" in act(root, "setaside", "react_again", row.pk)
    assert root.get(f"/admin/events/setaside/{row.pk}/change/").status_code == 200
    world.acme.delete()
    assert not SetAside.objects.exists()
