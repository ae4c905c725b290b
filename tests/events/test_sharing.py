"""Parts of open pages are rendered once for all who may see the same, and nobody gets more than is theirs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError as Away

from controlplane.domain.valkey import key, valkey
from controlplane.events.queries import latest_cursor
from controlplane.events.sharing import entries
from controlplane.events.sharing import passes as passing
from controlplane.events.sharing.entries import Entry, Shelf, store
from controlplane.events.sharing.pace import LEAST_SECONDS, MOST_SECONDS, SHARE, Pace
from controlplane.events.sharing.passes import passes
from controlplane.projects.models import Member
from runs.actions import cancel_run
from tests.runs.driving import drain, start, step
from tests.world import World, make_run, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/p/acme/runs/?status=succeeded"
# Every part that refreshes itself, `{run}` being a run.
PARTS = (
    LIST,
    *(f"/p/acme/overview/{name}" for name in ("tiles", "running", "failures", "charts", "queue", "activity")),
    *(f"/p/acme/runs/{{run}}/parts/{name}" for name in ("summary", "graph", "timeline", "step", "data", "cost")),
    "/p/acme/runs/{run}/parts/events",
    "/p/acme/activity/",
)
TOKENS = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@pytest.fixture(autouse=True)
def nothing_shared(monkeypatch) -> Iterator[None]:
    # A loaded machine may take longer than it is worth to ask.
    monkeypatch.setattr(entries, "VALKEY_SECONDS", 5.0)
    monkeypatch.setattr(store, "away_until", 0.0)
    forget()
    yield
    forget()


def forget() -> None:
    store.shelf = Shelf()
    passes.given.clear()
    store_of_valkey_is_emptied()


def store_of_valkey_is_emptied() -> None:
    for kept in valkey(2).scan_iter(key("part", "*")):
        valkey(2).delete(kept)


def ask(client: Client, path: str, after: str = "", **headers: str) -> Any:
    """As an open page refreshes itself."""
    target = {"HX-Target": "list-live"} if "status=" in path else {}
    asked = {"HX-Request": "true", "Live-After": after or str(latest_cursor()), **target, **headers}
    return client.get(path, headers=asked)


@pytest.fixture
def run(world: World):
    return drain(start(world, step("a"), step("b", needs="a")))


def statements(call) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        call()
    return [query["sql"] for query in asked.captured_queries]


@pytest.mark.parametrize("path", PARTS)
def test_a_part_is_the_same_for_two_people_of_one_role_but_for_the_token_of_its_forms(world, run, path):
    """Rendered for each of them anew, so that anything personal in it would show."""
    path = path.format(run=run.pk)
    Member.objects.filter(user=world.vera).update(role="operator")
    after = "9" if "/runs/" in path and "status=" not in path else ""
    shown = []
    for who in ("bob", "vera"):
        forget()
        answer = ask(world.client(who), path, after)
        assert answer.status_code == 200
        shown.append(TOKENS.sub("", answer.content.decode()))
    assert shown[0] == shown[1]
    assert "token-of-whoever-asks" not in shown[0]


def test_the_second_of_one_role_gets_what_was_rendered_for_the_first_with_a_token_of_their_own(world, run):
    Member.objects.filter(user=world.vera).update(role="operator")
    first = ask(world.client("bob"), LIST)
    second = ask(world.client("vera"), LIST)
    assert second["ETag"] == first["ETag"]
    ours, theirs = TOKENS.findall(first.content.decode()), TOKENS.findall(second.content.decode())
    assert not set(ours) & set(theirs)


def test_who_may_more_is_shown_more(world, run):
    path = f"/p/acme/runs/{run.pk}/parts/summary"
    operator, viewer = ask(world.client("bob"), path, "9"), ask(world.client("vera"), path, "9")
    assert "Retry" in operator.content.decode()
    assert "Retry" not in viewer.content.decode()


def test_an_unchanged_part_is_not_sent_again_and_asks_no_database(world, run):
    bob = world.client("bob")
    first = ask(bob, LIST)
    after = str(latest_cursor())
    again: list[Any] = []
    asked = statements(lambda: again.append(ask(bob, LIST, after, **{"If-None-Match": first["ETag"]})))
    assert (again[0].status_code, again[0].content, asked) == (304, b"", [])


def test_what_happened_since_is_in_the_answer_to_who_has_heard_of_it(world, run):
    bob = world.client("bob")
    ask(bob, LIST)
    made = make_run(run.workflow)
    age_all()
    assert str(made.pk) in ask(bob, LIST, beyond()).content.decode()


def age(seconds: int) -> None:
    for part, entry in store.shelf.entries.items():
        store.shelf.entries[part] = replace(entry, made=entry.made - seconds)


def age_all() -> None:
    """As if all that is kept had been rendered two seconds ago."""
    age(2)
    for part, entry in store.shelf.entries.items():
        store.keep(part, entry)


def beyond() -> str:
    """A position after everything that is kept."""
    now = latest_cursor()
    return f"{now.xid + 1}.0"


def test_a_young_answer_is_good_enough_and_says_that_it_is_behind(world, run):
    bob = world.client("bob")
    ask(bob, LIST)
    make_run(run.workflow)
    answer = ask(bob, LIST, beyond())
    assert answer["Live-Behind"] == "1"
    assert int(answer["Live-Pace"]) >= LEAST_SECONDS * 1000


def test_an_old_answer_is_made_anew_though_nothing_was_heard(world, run):
    """Not everything that a part shows has events."""
    bob = world.client("bob")
    ask(bob, LIST)
    made = make_run(run.workflow)
    age(60)
    store_of_valkey_is_emptied()
    assert str(made.pk) in ask(bob, LIST).content.decode()


def test_a_position_that_is_none_is_no_refresh(world, run):
    for after in ("x", "1.2.3", "-1", "99999999999999999999999.1", "1e5"):
        answer = ask(world.client("bob"), LIST, after)
        assert answer.status_code == 200
        assert "ETag" not in answer


def test_a_position_from_the_future_poisons_nothing(world, run):
    bob = world.client("bob")
    ask(bob, LIST, f"{2**63}.0")
    made = make_run(run.workflow)
    age_all()
    assert str(made.pk) in ask(world.client("alice"), LIST, beyond()).content.decode()
    assert str(made.pk) in ask(bob, LIST, beyond()).content.decode()


@pytest.mark.parametrize("loses", ["session", "membership", "role", "account"])
def test_whoever_loses_access_gets_nothing_more_within_seconds(world, run, loses, monkeypatch):
    monkeypatch.setattr(passing, "CHECK_SECONDS", 0)
    bob = world.client("bob")
    first = ask(bob, LIST)
    assert ask(bob, LIST).status_code == 200
    if loses == "session":
        bob.session.delete()
    elif loses == "membership":
        Member.objects.filter(user=world.bob).delete()
    elif loses == "role":
        Member.objects.filter(user=world.bob).update(role="viewer")
    else:
        type(world.bob).objects.filter(pk=world.bob.pk).update(is_active=False)
    answer = ask(bob, LIST)
    if loses == "role":
        assert answer["ETag"] != first["ETag"]
        assert "data-bulk-bar" not in answer.content.decode()
    else:
        assert answer.status_code in (302, 401, 404)
        assert str(run.pk) not in answer.content.decode()


def test_nobody_waits_while_the_database_is_asked_who_may_look(world, run, monkeypatch):
    """Whoever waits may hold the very connection that is needed for asking."""
    monkeypatch.setattr(passing, "CHECK_SECONDS", 0.01)
    bob, asking, go_on = world.client("bob"), threading.Event(), threading.Event()
    ask(bob, LIST)
    original = passing.still_good

    def slowly(used):
        asking.set()
        go_on.wait(20)
        return original(used)

    monkeypatch.setattr(passing, "still_good", slowly)
    first = threading.Thread(target=lambda: (ask(bob, LIST), connection.close()))
    first.start()
    assert asking.wait(20)
    assert ask(world.client("alice"), LIST).status_code == ask(bob, LIST).status_code == 200
    go_on.set()
    first.join()


def test_a_pass_of_one_session_opens_nothing_to_another_project_or_to_nobody(world, run):
    ask(world.client("bob"), LIST)
    assert ask(world.client("mallory"), LIST).status_code == 404
    assert ask(world.client(None), LIST).status_code in (302, 401)


def test_a_view_of_ones_own_is_not_shared_by_its_name(world, run):
    make_run(make_workflow(world.acme, name="other"), tags=["mine"])
    to_list = {"HX-Target": "list-live"}
    for who, query in (("bob", "workflow=other"), ("alice", "status=succeeded")):
        world.client(who).post(f"/p/acme/runs/?{query}", {"view_verb": "save_view", "name": "Mine"})
    bob, alice = (ask(world.client(who), "/p/acme/runs/?view=mine", **to_list) for who in ("bob", "alice"))
    assert (bob.status_code, alice.status_code) == (200, 200)
    assert "ETag" not in bob
    assert bob.content != alice.content


def test_whoever_did_something_sees_it_at_once(world, run):
    """A page, and the answer to a button, are made when they are asked for."""
    waiting = start(world, step("a"))
    bob = world.client("bob")
    ask(bob, f"/p/acme/runs/{waiting.pk}/parts/summary", "1")
    cancel_run(waiting, by=world.actor("bob"))
    answer = bob.get(f"/p/acme/runs/{waiting.pk}/parts/summary", headers={"HX-Request": "true"})
    assert "Cancelled" in answer.content.decode()


def test_many_at_once_make_it_once(world, run, monkeypatch):
    rendered = []
    original = Entry.of
    monkeypatch.setattr(Entry, "of", lambda body, reached: rendered.append(1) or original(body, reached))
    ask(world.client("bob"), LIST)
    clients = [world.client("bob") for _ in range(8)]
    for client in clients:
        ask(client, LIST)
    age_all()
    rendered.clear()
    after, gate = beyond(), threading.Barrier(len(clients))

    def together(client: Client) -> None:
        gate.wait()
        ask(client, LIST, after)
        connection.close()

    threads = [threading.Thread(target=together, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rendered) <= 2


def test_without_valkey_each_process_has_its_own(world, run, monkeypatch):
    monkeypatch.setattr("controlplane.events.sharing.entries.valkey", away)
    bob = world.client("bob")
    first = ask(bob, LIST)
    assert first.status_code == 200
    assert ask(bob, LIST, **{"If-None-Match": first["ETag"]}).status_code == 304
    monkeypatch.setattr(store, "away_until", 0.0)


def away(seconds: float) -> None:
    raise Away("no such server")


def test_the_pace_follows_what_rendering_costs():
    pace = Pace()
    assert pace.seconds == LEAST_SECONDS
    for number in range(50):
        pace.took(str(number), 0.03)
    assert pace.seconds == pytest.approx(50 * 0.03 / SHARE)
    pace.took("one more", 100)
    assert pace.seconds == MOST_SECONDS


def test_a_shelf_keeps_what_was_used_last_within_its_bytes():
    shelf = Shelf(most_bytes=100)
    for number in range(10):
        shelf.put(str(number), Entry.of("x" * 40, "1"))
        shelf.get("0")
    assert shelf.bytes <= 100
    assert shelf.get("9")
    assert not shelf.get("8")
