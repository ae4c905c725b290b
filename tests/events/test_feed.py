"""The activity feed as a page and over the API."""

from __future__ import annotations

import pytest
from django.db import connection

from controlplane.domain.recording import record
from controlplane.events.feed.wording import line_of
from controlplane.events.models import Cursor, Event
from controlplane.events.queries import feed_after, recent
from controlplane.projects import actions
from controlplane.projects.models import Member
from controlplane.projects.tenants.actors import SYSTEM
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/p/acme/activity/"
API = "/api/v1/activity"


def happen(project, count: int) -> None:
    for n in range(count):
        record("thing.changed", project, by=SYSTEM, name=f"no{n}")


def test_the_page_says_who_did_what(world):
    actions.change_role(Member.objects.get(user=world.bob), role="editor", by=world.actor("alice"))
    html = world.client("vera").get(PAGE).content.decode()
    assert "alice changed the role of <strong>member bob</strong> as editor" in " ".join(html.split())


def test_a_run_is_a_link_and_carries_the_reason(world):
    run = make_run(make_workflow(world.acme))
    by = world.actor("bob")
    record("run.stop_requested", run, by=by, reason="wrong data")
    line = line_of(Event.objects.get(), "acme")
    assert (line.before, line.subject, line.remark) == ("bob asked to stop", f"run {run.pk}", "wrong data")
    assert line.url == f"/p/acme/runs/{run.pk}/"


def test_what_nobody_did_is_told_of_the_thing(world):
    record("run.failed", make_run(make_workflow(world.acme)), by=SYSTEM, error={"message": "no route"})
    line = line_of(Event.objects.get(), "acme")
    assert (line.before, line.subject[:3], line.after, line.remark) == ("", "Run", "failed", "no route")
    assert (line.icon, line.tone) == ("circle-x", "danger")


def test_what_only_matters_inside_of_a_run_is_left_out(world):
    for type in ("step.started", "run.logs", "run.succeeded"):
        record(type, world.acme, by=SYSTEM)
    assert [event["type"] for event in world.api("vera").get(API).json()["results"]][:1] == ["run.succeeded"]


def test_pages_show_what_the_live_feed_shows(world):
    for type in ("run.created", "run.started", "run.succeeded"):
        record(type, world.acme, by=SYSTEM)
    shown = [event.type for event in recent([world.acme.pk])]
    assert shown == ["run.succeeded", "run.started", "run.created"]
    assert shown[::-1] == [event.type for event in feed_after([world.acme.pk], Cursor())]


def test_a_foreign_project_s_activity_is_not_there(world):
    assert world.client("mallory").get(PAGE).status_code == 404


def test_older_pages_follow_each_other_without_gap(world):
    happen(world.acme, 120)
    seen, before = [], ""
    while before is not None:
        response = world.client("vera").get(PAGE, {"before": before})
        seen += [line.event.data["name"] for line in response.context["lines"]]
        before = response.context["older"] or None
    assert seen == [f"no{n}" for n in reversed(range(120))]


def test_htmx_gets_the_feed_alone(world):
    html = world.client("vera").get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert html.strip().startswith('<section id="activity-feed"')


def test_a_broken_cursor_is_refused(world):
    assert world.client("vera").get(PAGE, {"before": "x"}).status_code == 400
    response = world.api("vera").get(API, {"after": "x"})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "after")


def test_the_api_goes_on_after_its_cursor(world):
    api = world.api("vera")
    happen(world.acme, 5)
    first = api.get(API, {"limit": 2}).json()
    assert [event["data"]["name"] for event in first["results"]] == ["no3", "no4"]
    assert api.get(API, {"after": first["cursor"]}).json() == {"results": [], "cursor": first["cursor"]}
    record("thing.changed", world.acme, by=SYSTEM, name="later")
    [event] = api.get(API, {"after": first["cursor"], "project": "acme"}).json()["results"]
    assert (event["data"]["name"], event["actor"], event["subject"]["kind"]) == ("later", "system", "project")


def test_the_api_replays_everything_from_the_beginning(world):
    happen(world.acme, 7)
    api, seen, after = world.api("vera"), [], "0.0"
    while page := api.get(API, {"after": after, "limit": 3}).json()["results"]:
        seen += page
        after = page[-1]["cursor"]
    assert [event["data"]["name"] for event in seen if "name" in event["data"]] == [f"no{n}" for n in range(7)]


def test_the_api_shows_nothing_of_others(world):
    happen(world.acme, 1)
    api = world.api("mallory")
    assert all(event["project"] == world.globex.pk for event in api.get(API).json()["results"])
    assert api.get(API, {"project": "acme"}).status_code == 404


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"limit": "9999"}, {"colour": "red"}])
def test_the_api_refuses_what_it_does_not_know(world, query):
    response = world.api("vera").get(API, query)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, next(iter(query)))


def test_an_event_of_an_open_transaction_is_not_skipped(world):
    """A reader that asks while an older transaction is open must still see its events afterwards."""
    api = world.api("vera")
    cursor = api.get(API).json()["cursor"]
    other = connection.copy()
    with other.cursor() as sql:
        sql.execute("BEGIN")
        sql.execute("SELECT pg_current_xact_id()")
        happen(world.acme, 1)
        assert api.get(API, {"after": cursor}).json()["results"] == []
        sql.execute(
            "INSERT INTO events_event (project_id, subject_kind, subject_id, type, actor, data)"
            " VALUES (%s, 'project', 1, 'thing.changed', 'late', '{}')",
            [world.acme.pk],
        )
        sql.execute("COMMIT")
    other.close()
    seen = [event["actor"] for event in api.get(API, {"after": cursor}).json()["results"]]
    assert seen == ["late", "system"]
