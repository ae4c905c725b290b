"""Every address of the portal, with every method, for everybody: as tests/contracts/permissions.py says, and no other.

One test a route and method asks as each person and each token in turn, and undoes what was done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse

from controlplane.domain.action import ROLES
from controlplane.listing.page.page import ListPage
from runs.models import Run
from tests.contracts.addresses import ROUTED, address
from tests.contracts.permissions import (
    ACCOUNT_PREFIXES,
    CLOSED,
    PUBLIC,
    ROUTES,
    SIGN_IN_PAGES,
    SIGNED_IN,
    STAFF_PREFIX,
    UNNAMED,
)
from tests.contracts.subjects import ABSENT, DEAD_TOKENS, NOBODY, PEOPLE, TOKENS, Standing, body_of, in_address
from tests.undoing import undone
from tests.world import ROLES as ROLE_OF

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ASKS_TO_SIGN_IN, REFUSES, ANSWERS = "asks to sign in", "refuses", "answers"


class Cell(NamedTuple):
    name: str
    method: str
    level: str

    def __str__(self) -> str:
        return f"{self.method}-{self.name}"

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api:")

    @property
    def subject(self) -> str:
        return ROUTES[self.name].subject

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*PEOPLE, *TOKENS) if self.is_api else PEOPLE


CELLS = [Cell(name, method, level) for name, route in ROUTES.items() for method, level in route.levels.items()]
WRITES = [cell for cell in CELLS if cell.method != "GET"]
WRITES_IN_A_SESSION = [cell for cell in WRITES if not (cell.is_api and cell.level in (PUBLIC, CLOSED))]
ABOUT_SOMETHING = [cell for cell in CELLS if cell.subject and cell.subject != "overview part"]


LIST_PAGES = [
    (name, view.view_class.listing)
    for name, (_, view) in ROUTED.items()
    if issubclass(getattr(view, "view_class", object), ListPage)
]


def send(client: Client, cell: Cell, url: str, body: dict[str, Any]) -> HttpResponse:
    """The request, and then nothing of what it did."""
    format = {"content_type": "application/json"} if cell.is_api else {}
    with undone():
        ask = getattr(client, cell.method.lower())
        answer = ask(url) if cell.method == "GET" else ask(url, body, **format)
    return answer


def verdict(answer: HttpResponse) -> str:
    status = answer.status_code
    if status == 401 or (status == 302 and answer["Location"].startswith("/accounts/login/")):
        return ASKS_TO_SIGN_IN
    if status in (403, 404):
        return REFUSES
    return ANSWERS if status < 500 and status != 405 else str(status)


NOT_FOR_TOKENS = {
    *(("api:tokens", "POST"), ("api:token", "DELETE")),
    ("api:invitations", "POST"),
    *(("api:me", "PATCH"), ("api:my_sessions", "GET"), ("api:my_sessions", "DELETE")),
}


def expected(level: str, who: str, cell: Cell | None = None) -> str:
    """What the table promises. Tokens make no tokens, each ends only itself, and they change nothing of their owner."""
    if level == PUBLIC:
        return ANSWERS
    if level == CLOSED:
        return REFUSES
    if who in (*NOBODY, *DEAD_TOKENS):
        return ASKS_TO_SIGN_IN
    if who.startswith("token:") and cell is not None and (cell.name, cell.method) in NOT_FOR_TOKENS:
        return REFUSES
    if level == SIGNED_IN:
        return ANSWERS
    role = who.removeprefix("token:") if who.startswith("token:") else ROLE_OF.get(who, "")
    reaches = role in ROLES and level in ROLES and ROLES.index(role) >= ROLES.index(level)
    return ANSWERS if who == "root" or reaches else REFUSES


@pytest.mark.django_db
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_each_answers_those_whom_it_is_for(standing, cell):
    url, body = address(cell.name, standing.mine, method=cell.method), body_of(standing.mine, cell.name, cell.method)
    answers = {who: verdict(send(standing.client(who), cell, url, body)) for who in cell.everybody}
    assert answers == {who: expected(cell.level, who, cell) for who in cell.everybody}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ROUTES)
def test_no_other_method_is_answered(standing, name):
    client, url = standing.client("root"), address(name, standing.mine)
    others = [Cell(name, method, "") for method in METHODS if method not in ROUTES[name].levels]
    answers = {cell.method: send(client, cell, url, {}).status_code for cell in others}
    assert set(answers.values()) <= {405}, answers


def test_every_route_is_declared():
    libraries = (*ACCOUNT_PREFIXES, STAFF_PREFIX, "admin/")
    found = {name for name in ROUTED if not name.startswith(libraries) and name not in UNNAMED}
    assert found - set(ROUTES) == set(), "declare who may do it in tests/contracts/permissions.py"
    assert set(ROUTES) - found == set(), "these are gone: take them out of tests/contracts/permissions.py"


@pytest.mark.django_db
@pytest.mark.parametrize("cell", ABOUT_SOMETHING, ids=str)
def test_another_projects_thing_is_like_none(standing, cell):
    """mallory reaches every role at home, so that only the wall between projects answers."""
    client, body = standing.client("mallory"), body_of(standing.theirs, cell.name, cell.method)
    for foreign, absent in strangers(standing, cell.subject):
        answers = []
        for given in (foreign, absent):
            url = address(cell.name, standing.theirs, given, method=cell.method)
            answer = send(client, cell, url, body)
            answers.append((answer.status_code, without(given, answer.content.decode())))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def strangers(standing: Standing, subject: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(another project's thing, a thing that never was), as keyword arguments of an address in mallory's project."""
    foreign, own = in_address(standing.mine, subject), in_address(standing.theirs, subject)
    if subject == "project":
        yield foreign, {"project": "never-was"}
        return
    key = "name" if subject == "secret name" else "pk"
    never = {key: "NEVER_WAS" if key == "name" else ABSENT}
    yield {**own, key: foreign[key]}, {**own, **never}
    for child in foreign.keys() & {"step_pk", "artifact_pk"}:
        yield {**own, child: foreign[child]}, {**own, child: ABSENT}


def without(given: dict[str, Any], html: str) -> str:
    """The answer without what differs from request to request: the address itself, nonces, CSRF tokens, request ids."""
    for value in map(str, given.values()):
        html = html.replace(value, "…") if len(value) >= 4 else html
    return re.sub(r'nonce="[^"]+"|value="\w{64}"|"X-CSRFToken": "\w+"|[0-9a-f-]{36}', "", html)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cell", [cell for cell in WRITES if not (cell.is_api and cell.level in (PUBLIC, CLOSED))], ids=str
)
def test_a_session_needs_a_csrf_token_to_write(standing, cell):
    client = standing.new_client("root", enforce_csrf_checks=True)
    url, body = address(cell.name, standing.mine, method=cell.method), body_of(standing.mine, cell.name, cell.method)
    answer = send(client, cell, url, body)
    assert (answer.status_code, b"<form" in answer.content) == (403, False)


ACCOUNT_PAGES = sorted(name for name in ROUTED if name.startswith(ACCOUNT_PREFIXES))
STAFF_PAGES = sorted(name for name in ROUTED if name.startswith(STAFF_PREFIX))
ENTRANCES_OF_THE_ADMIN = {"admin:login", "admin:logout", "admin:jsi18n"}
KEYS = {"key": "x", "uidb36": "1"}
GUESSES: dict[str, Any] = {"object_id": ABSENT, "app_label": "runs", "content_type_id": 1, "url": "x", "format": "csv"}


def library_address(name: str) -> str | None:
    """Where a library's page is; None where only the library knows how to make its address."""
    found = get_resolver()
    *spaces, last = name.split(":")
    for space in spaces:
        found = found.namespace_dict[space][1]
    known = {**KEYS, **GUESSES}
    for _, needed in found.reverse_dict.getlist(last)[0][0]:
        arguments = [known.get(one, ABSENT) for one in needed]
        return reverse(name, args=arguments)
    return None


@pytest.mark.django_db
@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_account_pages_are_for_the_signed_in_unless_one_signs_in_there(standing, name):
    answer = standing.client("anonymous").get(library_address(name))
    assert answer.status_code < 500
    if name not in SIGN_IN_PAGES:
        assert verdict(answer) == ASKS_TO_SIGN_IN
    assert standing.client("vera").get(library_address(name)).status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in STAFF_PAGES if name not in ENTRANCES_OF_THE_ADMIN])
def test_the_admin_is_for_staff(standing, name):
    url = library_address(name)
    for who in ("anonymous", "alice", "mallory"):
        answer = standing.client(who).get(url)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/"), who
    assert standing.client("root").get(url).status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.method == "GET"], ids=str)
def test_nothing_of_another_project_shows(standing, cell):
    """No name, tag, text or option of acme on any page or endpoint that mallory can open."""
    url = address(cell.name, standing.theirs)
    answer = standing.client("mallory").get(url)
    # Exports have a test of their own.
    if not getattr(answer, "is_async", False):
        assert standing.mine.mark not in answer.getvalue().decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "listing"), LIST_PAGES, ids=[name for name, _ in LIST_PAGES])
def test_a_filter_takes_another_projects_id_for_none(standing, name, listing):
    client, url = standing.client("mallory"), address(name, standing.theirs).split("?")[0]
    for field in listing.filters.base_filters:
        for thing in ("workflow", "agent", "tool", "instance", "run"):
            answers = []
            for value in (standing.mine.ids[thing], ABSENT):
                answer = client.get(url, {field: value}, headers={"HX-Request": "true"})
                answers.append((answer.status_code, without({"value": value}, answer.content.decode())))
            assert answers[0] == answers[1], (field, thing)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "listing"), LIST_PAGES, ids=[name for name, _ in LIST_PAGES])
def test_bulk_actions_leave_other_projects_alone(standing, name, listing):
    client, url = standing.client("mallory"), address(name, standing.theirs).split("?")[0]
    rows = listing.filters._meta.model._default_manager.filter(project=standing.world.acme)
    before = list(rows.order_by("pk").values())
    assert before
    for verb in listing.bulk_actions:
        chosen = {"action": verb.__name__, "selected": [row["id"] for row in before]}
        with undone():
            answer = client.post(url, chosen, headers={"HX-Request": "true"})
            assert list(rows.order_by("pk").values()) == before, verb.__name__
        assert standing.mine.mark not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["runs", "workflows", "agents", "tools", "instances"])
def test_csv_holds_the_rows_of_ones_own_projects(standing, url):
    client = standing.client("mallory")
    for where in (f"/api/v1/{url}.csv", f"/p/globex/{url}/?export=csv"):
        text = b"".join(client.get(where)).decode()
        assert standing.theirs.mark in text
        assert standing.mine.mark not in text


@pytest.mark.django_db
def test_a_run_uses_no_workflow_or_agent_of_another_project(standing):
    client, mine, theirs = standing.client("mallory"), standing.mine.ids, standing.theirs.ids
    runs = Run.objects.filter(project=standing.world.globex)
    before = runs.count()
    for asked in ({"workflow": mine["workflow"]}, {"workflow": theirs["workflow"], "agent": str(mine["agent"])}):
        body = {"project": "globex", **asked, "workflow": str(asked["workflow"])}
        answer = client.post("/api/v1/runs", body, content_type="application/json")
        assert answer.status_code == 400
        assert standing.mine.mark not in answer.content.decode()
    assert runs.count() == before


@pytest.mark.django_db
def test_a_new_run_takes_no_inputs_from_another_projects_run(standing):
    url = f"/p/globex/runs/new?workflow={standing.theirs.ids['workflow']}&from={standing.mine.ids['run']}"
    answer = standing.client("mallory").get(url)
    assert answer.status_code == 200
    assert standing.mine.mark not in answer.content.decode()


@pytest.mark.django_db
def test_a_token_reaches_its_own_project_alone(standing):
    """However many its owner is a member of."""
    standing.world.globex.members.create(user=standing.world.alice, role="admin")
    script = standing.client("token:admin")
    assert script.get(f"/api/v1/runs/{standing.theirs.ids['run']}").status_code == 404
    assert standing.theirs.mark not in script.get("/api/v1/runs").content.decode()


@pytest.mark.django_db
def test_a_token_is_no_way_into_the_pages(standing):
    assert verdict(standing.client("token:admin").get("/p/acme/runs/")) == ASKS_TO_SIGN_IN
