"""Saved views: whose they are, what they do to page, API and export, and what opens first."""

from __future__ import annotations

import re

import pytest

from controlplane.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from controlplane.events.models import Event
from controlplane.listing.actions import (
    delete_view,
    drop_default,
    make_default,
    save_view,
    share_view,
    unshare_view,
    update_view,
)
from controlplane.listing.models import SavedView
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db
RUNS = "/p/acme/runs/"


@pytest.fixture
def runs(world):
    nightly = make_workflow(world.acme, "nightly")
    return {
        "good": make_run(nightly, "succeeded", tags=["a"]),
        "bad": make_run(nightly, "failed", tags=["a"]),
        "worse": make_run(nightly, "failed", environment="production"),
    }


@pytest.fixture
def save(world):
    def save(name: str = "Failures", query: str = "status=failed", who: str = "vera", **given) -> SavedView:
        return save_view(world.acme, listing="runs", name=name, query=query, by=world.actor(who), **given)

    return save


def shown(html: bytes) -> set[int]:
    return {int(pk) for pk in re.findall(rb'href="/p/acme/runs/(\d+)/"', html)}


def pks(runs, *names: str) -> set[int]:
    return {runs[name].pk for name in names}


def test_it_keeps_what_narrows_and_draws_and_not_where_one_was(save):
    view = save(query="?status=failed&status=timed_out&q=&columns=id&order=created&limit=25&project=acme&export=csv")
    assert view.query == "status=failed&status=timed_out&columns=id&order=created&limit=25"
    assert view.slug == "failures"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"query": "status=nope"}, "status"),
        ({"query": "since=soon"}, "since"),
        ({"query": "order=cost"}, "order"),
        ({"query": "limit=9999"}, "limit"),
        ({"query": "wrong=1"}, "wrong"),
        ({"query": "q=" + "a" * 4001}, "query"),
        ({"name": "  "}, "name"),
        ({"name": "!!!"}, "name"),
    ],
)
def test_what_the_list_would_not_understand_is_refused_at_its_field(save, given, field):
    with pytest.raises(InvalidInput) as refusal:
        save(**given)
    assert [error.field for error in refusal.value.errors] == [field]


def test_a_name_is_taken_once_for_each_person_and_once_for_all(save):
    save()
    save(who="bob")
    save(who="erin", is_shared=True)
    for given in ({}, {"who": "alice", "is_shared": True}):
        with pytest.raises(Conflict, match="already"):
            save(**given)


def test_a_personal_view_is_its_owners_alone(world, save):
    view = save()
    assert SavedView.objects.visible_to(world.actor("vera")).get() == view
    assert not SavedView.objects.visible_to(world.actor("alice")).exists()
    for verb in (update_view, make_default, delete_view):
        with pytest.raises(NotAllowed, match="not yours"):
            verb(view, by=world.actor("alice"))


def test_editors_share_and_change_what_is_shared(world, save):
    vera, erin = world.actor("vera"), world.actor("erin")
    with pytest.raises(NotAllowed):
        save(is_shared=True)
    with pytest.raises(NotAllowed):
        share_view(save(), by=vera)
    view = share_view(save(who="erin"), by=erin)
    assert SavedView.objects.visible_to(vera).filter(pk=view.pk).exists()
    assert not SavedView.objects.visible_to(world.actor("mallory")).exists()
    with pytest.raises(NotAllowed, match="editor"):
        update_view(view, name="Mine", by=vera)
    update_view(view, name="Red runs", query="status=failed,timed_out", by=world.actor("alice"))
    assert (view.slug, view.query) == ("red-runs", "status=failed%2Ctimed_out")
    unshare_view(view, by=world.actor("alice"))
    assert not SavedView.objects.visible_to(world.actor("alice")).filter(pk=view.pk).exists()
    assert list(Event.objects.filter(type__startswith="view.").order_by("id").values_list("type", flat=True)) == [
        "view.shared",
        "view.updated",
        "view.unshared",
    ]


def test_who_read_it_before_a_change_does_not_turn_the_change_back(world, save):
    view = save(who="erin")
    read_before = SavedView.objects.get(pk=view.pk)
    share_view(view, by=world.actor("erin"))
    update_view(read_before, name="Bad ones", by=world.actor("erin"))
    view.refresh_from_db()
    assert (view.is_shared, view.name) == (True, "Bad ones")
    unshare_view(view, by=world.actor("erin"))
    with pytest.raises(NotAllowed):
        update_view(read_before, name="Theirs", by=world.actor("alice"))


def test_a_deleted_view_does_not_come_back(world, save):
    view = save()
    read_before = SavedView.objects.get(pk=view.pk)
    delete_view(view, by=world.actor("vera"))
    for verb in (update_view, make_default, delete_view):
        with pytest.raises(NotFound):
            verb(read_before, by=world.actor("vera"))
    assert not SavedView.objects.exists()


def test_page_api_and_what_is_given_beside_it_agree(world, runs, save):
    save(query="status=failed&order=created&columns=id,status")
    client, api = world.client("vera"), world.api("vera")
    page = client.get(f"{RUNS}?view=failures").content
    assert shown(page) == pks(runs, "bad", "worse")
    assert page.count(b'<th scope="col"') == 2
    answer = api.get("/api/v1/runs?project=acme&view=failures").json()
    assert [run["id"] for run in answer["results"]] == [runs["bad"].pk, runs["worse"].pk]
    assert shown(client.get(f"{RUNS}?view=failures&environment=production").content) == pks(runs, "worse")
    assert shown(client.get(f"{RUNS}?view=failures&status=succeeded").content) == pks(runs, "good")
    assert shown(client.get(f"{RUNS}?view=failures&status=").content) == pks(runs, "good", "bad", "worse")


@pytest.mark.django_db(transaction=True)
def test_the_export_has_the_views_rows_order_and_columns(world, runs, save):
    save(query="status=failed&order=created&columns=id,status")
    expected = f"id,status\n{runs['bad'].pk},failed\n{runs['worse'].pk},failed\n"
    page = world.client("vera").get(f"{RUNS}?view=failures&export=csv")
    assert b"".join(page).decode() == expected
    assert b"".join(world.api("vera").get("/api/v1/runs.csv?project=acme&view=failures")).decode() == expected


def test_a_view_that_is_not_there_is_refused_by_name(world, save):
    save(who="bob")
    assert world.client("vera").get(f"{RUNS}?view=failures").status_code == 400
    answer = world.api("vera").get("/api/v1/runs?view=failures")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "view")


def test_the_default_opens_first_and_all_is_one_click_away(world, runs, save):
    client, vera, erin = world.client("vera"), world.actor("vera"), world.actor("erin")
    make_default(save("For all", who="erin", is_shared=True), by=erin)
    assert client.get(RUNS)["Location"] == f"{RUNS}?view=for-all"
    own = make_default(save("Mine", query="environment=production"), by=vera)
    second = make_default(save("Newer"), by=vera)
    own.refresh_from_db()
    assert not own.is_default
    page = client.get(RUNS, follow=True)
    assert page.redirect_chain == [(f"{RUNS}?view=newer", 302)]
    assert f'href="{RUNS}?view="'.encode() in page.content
    assert shown(client.get(f"{RUNS}?view=").content) == pks(runs, "good", "bad", "worse")
    assert client.get(RUNS, headers={"HX-Request": "true"}).status_code == 200
    drop_default(second, by=vera)
    assert client.get(RUNS)["Location"] == f"{RUNS}?view=for-all"


def test_removing_a_chip_takes_the_views_value_away(world, runs, save):
    save(query="status=failed&tag=a")
    html = world.client("vera").get(f"{RUNS}?view=failures").content.decode()
    removals = re.findall(r'class="chip__remove" href="([^"]+)"', html)
    assert removals == [f"{RUNS}?view=failures&amp;status=", f"{RUNS}?view=failures&amp;tag="]
    assert '<input type="hidden" name="status" value="" form="list-filters">' in " ".join(html.split())
    assert 'data-sets="status tag"' in html


def test_the_menu_saves_what_is_shown_and_offers_what_one_may(world, runs):
    vera, erin = world.client("vera"), world.client("erin")
    answer = vera.post(f"{RUNS}?status=failed&cursor=x", {"view_verb": "save_view", "name": "Red ones"})
    assert answer["Location"] == f"{RUNS}?view=red-ones"
    assert SavedView.objects.get().query == "status=failed"
    page = vera.get(f"{RUNS}?view=red-ones&tag=a").content.decode()
    assert "Red ones (changed)" in page
    assert re.findall(r'name="view_verb" value="(\w+)"', page) == [
        "update_view", "make_default", "delete_view", "save_view"
    ]  # fmt: skip
    assert vera.post(f"{RUNS}?view=red-ones&tag=a", {"view_verb": "update_view"}).status_code == 302
    assert SavedView.objects.get().query == "status=failed&tag=a"
    vera.post(f"{RUNS}?view=red-ones", {"view_verb": "share_view"})
    assert not SavedView.objects.get().is_shared
    erin.post(f"{RUNS}?status=failed", {"view_verb": "save_view", "name": "All red", "is_shared": "1"})
    page = vera.get(f"{RUNS}?view=all-red").content.decode()
    assert re.findall(r'name="view_verb" value="(\w+)"', page) == ["save_view"]
    assert vera.post(f"{RUNS}?view=red-ones", {"view_verb": "delete_view"})["Location"] == f"{RUNS}?view="
    assert SavedView.objects.get().name == "All red"


@pytest.mark.parametrize(
    "posted", [{"view_verb": "nonsense"}, {"view_verb": "delete_view"}, {"view_verb": "save_view"}]
)
def test_a_refused_button_leads_back_with_the_reason(world, posted):
    answer = world.client("vera").post(f"{RUNS}?status=failed", posted, follow=True)
    assert answer.redirect_chain == [(f"{RUNS}?status=failed", 302)]
    assert list(map(str, answer.context["messages"]))


def test_the_api_makes_reads_changes_and_deletes_them(world):
    api, vera = world.api("erin"), world.api("vera")
    sent = {"list": "runs", "name": "Red runs", "query": "status=failed", "is_shared": True}
    made = api.post("/api/v1/views", sent, format="json")
    assert made.status_code == 201, made.content
    address = f"/api/v1/views/{made.json()['id']}"
    seen = vera.get("/api/v1/views?list=runs").json()["results"]
    assert [(view["slug"], view["owner"], view["query"]) for view in seen] == [("red-runs", "erin", "status=failed")]
    assert vera.get("/api/v1/views?list=tools").json()["results"] == []
    unknown = vera.post("/api/v1/views", {"list": "nothing", "name": "x"}, format="json").json()
    assert unknown["errors"][0]["field"] == "list"
    assert vera.patch(address, {"name": "x"}, format="json").status_code == 403
    changed = api.patch(address, {"is_default": True, "query": "since=-24h"}, format="json").json()
    assert (changed["is_default"], changed["query"]) == (True, "since=-24h")
    assert api.patch(address, {"query": "since=soon"}, format="json").json()["errors"][0]["field"] == "since"
    assert api.patch(address, {"is_shared": False}, format="json").json()["is_shared"] is False
    assert vera.get(address).status_code == 404
    assert api.delete(address).status_code == 204
