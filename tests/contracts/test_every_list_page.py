"""What every list page of the portal keeps, found through the URL resolver: a new page is held to it by existing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from agents.models import Agent, Instance, Tool
from controlplane.listing.declaration.filters import SearchFilter, SinceFilter
from controlplane.listing.declaration.keyset import read_page
from controlplane.listing.declaration.periods import PRESETS
from controlplane.listing.declaration.registry import find_listing
from controlplane.listing.page.page import ListPage
from controlplane.portal.registry import lists
from controlplane.projects.models import Project
from runs.models import Run
from tests.contracts.bare_list import BareList
from tests.world import World, make_run, make_workflow
from workflows.models import Workflow

# Queries of a page: session, user, access, project, switcher, feed cursor, filter menus, ids, rows, count, newest id.
MOST_QUERIES = 14


def some_run(project: Project, number: int) -> Model:
    workflow = Workflow.objects.filter(project=project).first() or make_workflow(project)
    return make_run(workflow, tags=[f"tag-{number}"])


# How to make one row of each listed model: (project, number) -> row.
def named(number: int) -> str:
    """Without a digit: a search for the number of another row finds none in it."""
    return "thing-" + str(number).translate(str.maketrans("0123456789", "abcdefghij"))


ROWS: dict[type[Model], Callable[[Project, int], Model]] = {
    Run: some_run,
    Workflow: lambda project, number: make_workflow(project, named(number)),
    Agent: lambda project, number: Agent.objects.create(project=project, name=named(number), kind="function"),
    Tool: lambda project, number: Tool.objects.create(project=project, name=named(number), kind="function"),
    Instance: lambda project, number: Instance.objects.create(
        project=project, name=named(number), engine="sqlite", sealed_url="", address="/x"
    ),
}


def list_pages(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, type[ListPage]]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and issubclass(getattr(pattern.callback, "view_class", object), ListPage):
            yield f"/{route}", pattern.callback.view_class


PAGES = list(list_pages(get_resolver().url_patterns))
BARE = ("/p/<slug:project>/bare/", BareList)


@pytest.fixture(params=[*PAGES, BARE], ids=[route for route, _ in [*PAGES, BARE]])
def listed(request, settings, monkeypatch) -> tuple[str, type[ListPage]]:
    route, page = request.param
    if page is BareList:
        settings.ROOT_URLCONF = "tests.contracts.bare_list"
        monkeypatch.setitem(lists, "bare", "tests.contracts.bare_list.BARE")
    return route.replace("<slug:project>", "acme"), page


@pytest.fixture
def searched(listed) -> str:
    """The name of the search, where there is one."""
    filters = listed[1].listing.filters.base_filters.items()
    found = [name for name, one in filters if isinstance(one, SearchFilter)]
    if not found:
        pytest.skip("this list has no search")
    return found[0]


@pytest.fixture
def with_period(listed) -> None:
    if not any(isinstance(one, SinceFilter) for one in listed[1].listing.filters.base_filters.values()):
        pytest.skip("this list has no period")


def model_of(page: type[ListPage]) -> type[Model]:
    return page.listing.filters._meta.model


def add_rows(world: World, page: type[ListPage], count: int) -> list[Model]:
    return [ROWS[model_of(page)](world.acme, number) for number in range(count)]


def shown(html: bytes, page: type[ListPage]) -> int:
    """How many rows the page shows."""
    return len(re.findall(rb"<tr>(?!<th)\s*<td", html))


def test_there_are_list_pages():
    assert Run in {model_of(page) for _, page in PAGES}


@pytest.mark.django_db
def test_it_asks_strangers_to_sign_in(world, listed):
    address, _ = listed
    answer = world.client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.django_db
def test_it_does_not_exist_for_other_projects(world, listed):
    address, _ = listed
    client = world.client("mallory")
    assert client.get(address).status_code == 404
    assert client.get(f"{address}?export=csv").status_code == 404
    assert client.post(address, {"action": "x"}).status_code == 404


@pytest.mark.django_db
def test_it_shows_another_projects_rows_to_nobody(world, listed):
    address, page = listed
    ROWS[model_of(page)](world.globex, 1)
    assert shown(world.client("alice").get(address).content, page) == 0


@pytest.mark.django_db
def test_a_viewer_sees_it_empty_and_full(world, listed):
    address, page = listed
    client = world.client("vera")
    assert b"empty-state" in client.get(address).content
    add_rows(world, page, 3)
    assert shown(client.get(address).content, page) == 3


@pytest.mark.django_db
def test_a_part_is_answered_to_htmx(world, listed):
    address, page = listed
    add_rows(world, page, 2)
    answer = world.client("vera").get(address, headers={"HX-Request": "true"})
    assert answer.content.strip().startswith(b'<section id="list"')
    assert b"<html" not in answer.content
    assert "HX-Request" in answer["Vary"]


@pytest.mark.django_db
def test_searching_narrows_it(world, listed, searched):
    address, page = listed
    rows = add_rows(world, page, 3)
    client = world.client("vera")
    wanted = getattr(rows[0], "name", rows[0].pk)
    assert shown(client.get(f"{address}?{searched}={wanted}").content, page) == 1
    answer = client.get(f"{address}?{searched}=nothing-has-this").content
    assert shown(answer, page) == 0
    assert b"Nothing matches" in answer


@pytest.mark.django_db(transaction=True)
def test_the_csv_holds_the_rows_of_the_table(world, listed):
    address, page = listed
    add_rows(world, page, 4)
    lines = exported(world, address)
    assert len(lines) == 4
    assert list(lines[0]) == [one.name for one in page.listing.columns if one.default and one.source is not None]


@pytest.mark.django_db(transaction=True)
def test_the_csv_is_narrowed_as_the_table_is(world, listed, searched):
    address, page = listed
    rows = add_rows(world, page, 4)
    assert len(exported(world, address, f"&{searched}={getattr(rows[1], 'name', rows[1].pk)}")) == 1


def exported(world: World, address: str, query: str = "") -> list[dict[str, str]]:
    text = b"".join(world.client("vera").get(f"{address}?export=csv{query}")).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.django_db
@pytest.mark.parametrize("columns", ["all", "nonsense", "%00,%ff"])
def test_columns_can_be_chosen(world, listed, columns):
    address, page = listed
    add_rows(world, page, 1)
    names = ",".join(one.name for one in page.listing.columns) if columns == "all" else columns
    html = world.client("vera").get(f"{address}?columns={names}").content.decode()
    wanted = page.listing.columns if columns == "all" else [one for one in page.listing.columns if one.default]
    assert html.count('<th scope="col"') == len(wanted)


@pytest.mark.django_db
def test_every_order_gives_every_row_once(world, listed):
    _, page = listed
    rows = add_rows(world, page, 5)
    matching = page.listing.rows(world.actor("vera"))
    for order in page.listing.orders:
        seen, cursor = [], ""
        while True:
            part = read_page(matching, order, size=2, cursor=cursor)
            seen += [row.pk for row in part.rows]
            cursor = part.next
            if not cursor:
                break
        assert sorted(seen) == sorted(row.pk for row in rows), order.name


@pytest.mark.django_db
@pytest.mark.parametrize("ends", PRESETS, ids=" to ".join)
@pytest.mark.usefixtures("with_period")
def test_every_preset_of_the_period_is_an_address_that_is_chosen_there(world, listed, ends):
    address, page = listed
    add_rows(world, page, 1)
    query = urlencode({name: end for name, end in zip(("since", "until"), ends, strict=True) if end})
    html = world.client("vera").get(f"{address}?{query}").content.decode()
    assert html.count("data-since=") == len(PRESETS)
    assert re.findall(r'data-since="([^"]*)" data-until="([^"]*)"\s+aria-current="true"', html) == [ends]
    assert f"{PRESETS[ends]} · " in html


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.usefixtures("with_period")
def test_an_expression_that_cannot_be_read_is_refused_by_name(world, listed, name):
    address, page = listed
    client = world.client("vera")
    label = page.listing.filters.base_filters[name].label
    for query in (f"{name}=start_of(decade)", f"{name}=-24x", f"{name}=now-99999y"):
        whole = client.get(f"{address}?{query}")
        assert whole.status_code == 400
        assert f"{label}: " in whole.content.decode()
        part = client.get(f"{address}?{query}", headers={"HX-Request": "true"})
        assert f"{label}: " in part.content.decode()
        assert client.get(f"{address}?{query}&export=csv").status_code == 400


GARBAGE = ["x", "%00", "%ff%fe", "-1", "9" * 30, "a" * 3000, "🦄", "'; DROP TABLE runs_run; --", ",,,", "[]"]


@pytest.mark.django_db
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_the_address_is_never_a_fault(world, listed, garbage):
    address, page = listed
    add_rows(world, page, 1)
    client = world.client("vera")
    for name in [
        *page.listing.filters.base_filters,
        "cursor",
        "limit",
        "order",
        "columns",
        "export",
        "view",
        "layout",
        "unknown",
    ]:
        for headers in ({}, {"HX-Request": "true"}):
            status = client.get(f"{address}?{name}={garbage}", headers=headers).status_code
            assert status in (200, 400), f"{name}={garbage}"


@pytest.mark.django_db
def test_what_is_shown_is_saved_as_a_view_that_holds_it(world, listed, searched):
    address, page = listed
    rows = add_rows(world, page, 3)
    client = world.client("vera")
    saved = client.post(
        f"{address}?{searched}={rows[1].pk}&limit=25", {"view_verb": "save_view", "name": "One of them"}
    )
    assert saved["Location"] == f"{address}?view=one-of-them"
    for headers in ({}, {"HX-Request": "true"}):
        html = client.get(saved["Location"], headers=headers).content
        assert shown(html, page) == 1
        assert re.search(rb'<input type="hidden" name="view" value="one-of-them"\s+form="list-filters"', html)
    assert shown(client.get(f"{saved['Location']}&{searched}=").content, page) == 3
    assert world.client("bob").get(saved["Location"]).status_code == 400


@pytest.mark.django_db
def test_each_layout_shows_the_same_rows_and_others_are_refused(world, listed):
    address, page = listed
    rows = add_rows(world, page, 3)
    client = world.client("erin")
    for layout in page.listing.layouts:
        html = client.get(f"{address}?layout={layout}").content.decode()
        selectable = {row.pk for row in rows} if page.listing.bulk_actions else set()
        assert set(map(int, re.findall(r'name="selected" value="(\d+)"', html))) == selectable
        assert (shown(html.encode(), page), html.count('<li class="list-card">')) == (
            (0, 3) if layout == "grid" else (3, 0)
        )
        assert html.count("As grid") == 2 * (len(page.listing.layouts) > 1)
    for layout in {"grid", "circle"} - set(page.listing.layouts):
        assert client.get(f"{address}?layout={layout}").status_code == 400
        assert client.post(f"{address}?layout={layout}", {"view_verb": "save_view", "name": "x"}).status_code == 302
        assert b"?view=x" not in client.get(address).content


@pytest.mark.django_db
def test_cards_show_the_columns_that_are_chosen_and_a_view_keeps_the_layout(world, listed):
    address, page = listed
    if "grid" not in page.listing.layouts:
        pytest.skip("this list has rows only")
    add_rows(world, page, 2)
    client = world.client("vera")
    assert "<dt>State</dt>" in client.get(f"{address}?layout=grid").content.decode()
    saved = client.post(f"{address}?layout=grid&columns=name", {"view_verb": "save_view", "name": "Cards"})["Location"]
    html = client.get(saved).content.decode()
    assert html.count('<li class="list-card">') == 2
    assert "<dt>" not in html[html.index('<ul class="list-cards"') : html.index("</ul>", html.index("list-cards"))]


def test_operations_find_it_by_its_noun(listed):
    _, page = listed
    assert find_listing(page.listing.noun) is page.listing


@pytest.mark.django_db
def test_bulk_buttons_are_shown_to_those_who_may(world, listed):
    address, page = listed
    add_rows(world, page, 1)
    for name in ("vera", "bob", "alice"):
        html = world.client(name).get(address).content.decode()
        offered = set(re.findall(r'name="preview" value="(\w+)"', html))
        assert offered == {
            verb.__name__ for verb in page.listing.bulk_actions if world.actor(name).may(verb.role, world.acme)
        }


@pytest.mark.django_db
def test_a_bulk_action_means_the_selected_rows_alone(world, listed, monkeypatch):
    address, page = listed
    if not page.listing.bulk_actions:
        assert world.client("alice").post(address, {"action": "x", "selected": ["1"]}).status_code == 400
        return
    rows = add_rows(world, page, 3)
    acted_on: list[int] = []

    def act(rows, pk, verb, **given) -> tuple[str, str, None]:
        acted_on.append(pk)
        return "done", "", None

    monkeypatch.setattr("controlplane.listing.bulk.work.act_on_one", act)
    verb = page.listing.bulk_actions[0]
    world.client("alice").post(address, {"action": verb.__name__, "selected": [rows[0].pk, rows[2].pk]})
    assert acted_on == [rows[0].pk, rows[2].pk]


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_rows(world, listed):
    address, page = listed
    client = world.client("alice")
    add_rows(world, page, 1)
    client.get(address)
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{address}?limit=25")
        counts.append(len(queries))
        for extra in range(30 if number == 0 else 0):
            ROWS[model_of(page)](world.acme, 100 + extra)
    assert counts[1] <= MOST_QUERIES
    assert counts[1] <= counts[0] + 1  # the count, once there is a second page
