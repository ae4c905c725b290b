"""Changing a thing over JSON: nothing is wiped by accident, and what cannot be changed says so. OPTIONS everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.domain.action import ROLES
from tests.contracts.addresses import ROUTED, address
from tests.contracts.permissions import CLOSED, PUBLIC, ROUTES
from tests.contracts.subjects import body_of
from tests.undoing import undone

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {name for name, found in ROUTES.items() if {PUBLIC, CLOSED} & set(found.levels.values())}
JSON = "application/json"
API = [name for name in ROUTES if name.startswith("api:")]
CHANGES = [(name, method) for name in API for method in ROUTES[name].levels if method in ("PUT", "PATCH")]
REPLACED = [name for name, method in CHANGES if method == "PUT"]
NOTHING = [b"", b"{}"]
NO_OBJECT = [b"[]", b"null", b'"x"', b"7"]
# Says when somebody looked or spoke, and nothing of what the thing is.
OF_THE_MOMENT = {"updated_at", "deadline_at", "age_seconds", "duration_ms"}


class Change:
    """One that is not kept: `before` and `after` are what GET shows."""

    def __init__(self, standing, name: str, method: str, sent: bytes | dict[str, Any]) -> None:
        client, url = standing.client("root"), address(name, standing.mine, method=method)
        with undone():
            self.before = shown(client, url)
            self.answer = client.generic(method, url, sent, content_type=JSON)
            self.after = shown(client, url)

    @property
    def errors(self) -> dict[str, str]:
        return {error["field"]: error["code"] for error in self.answer.json()["errors"]}


def shown(client, url: str) -> dict[str, Any]:
    return {name: value for name, value in client.get(url).json().items() if name not in OF_THE_MOMENT}


@pytest.mark.parametrize("sent", NOTHING)
@pytest.mark.parametrize("name", REPLACED)
def test_replacing_with_nothing_names_what_is_missing(standing, name, sent):
    change = Change(standing, name, "PUT", sent)
    assert change.answer.status_code == 400
    assert change.errors
    assert set(change.errors.values()) == {"required"}
    assert change.after == change.before


@pytest.mark.parametrize("sent", NOTHING)
@pytest.mark.parametrize("name", [name for name, method in CHANGES if method == "PATCH"])
def test_changing_nothing_changes_nothing(standing, name, sent):
    change = Change(standing, name, "PATCH", sent)
    assert change.answer.status_code in (200, 400)
    assert change.after == change.before


@pytest.mark.parametrize("sent", NO_OBJECT)
@pytest.mark.parametrize(("name", "method"), CHANGES)
def test_what_is_no_object_is_refused_and_changes_nothing(standing, name, method, sent):
    change = Change(standing, name, method, sent)
    assert change.answer.status_code == 400
    assert change.after == change.before


@pytest.mark.parametrize(("name", "method"), CHANGES)
def test_a_field_that_is_only_shown_says_that_it_cannot_be_changed(standing, name, method):
    seen = Change(standing, name, method, b"[]").before
    sent = {**seen, **body_of(standing.mine, name, method)}
    change = Change(standing, name, method, as_json(sent))
    assert change.answer.status_code == 400
    assert "unknown" not in change.errors.values()
    assert "fixed" in change.errors.values()
    assert change.after == change.before


@pytest.mark.parametrize(("name", "method"), CHANGES)
def test_a_field_that_is_nowhere_is_unknown(standing, name, method):
    sent = {**body_of(standing.mine, name, method), "misspelt": 1}
    change = Change(standing, name, method, as_json(sent))
    assert (change.answer.status_code, change.errors["misspelt"]) == (400, "unknown")
    assert change.after == change.before


def test_every_change_knows_what_it_shows():
    """Else it could not tell a field that is fixed from one that is misspelt."""
    views = {name: ROUTED[name][1].view_class for name, _ in CHANGES}
    assert [name for name, view in views.items() if view.serializer_class is None] == []


@pytest.mark.parametrize("who", ["anonymous", "root", *(f"token:{role}" for role in ROLES)])
def test_what_a_path_can_do_may_be_asked_of_each(standing, who):
    client = standing.client(who)
    answers = {name: client.options(address(name, standing.mine, method="OPTIONS")).status_code for name in API}
    unlike = {name: status for name, status in answers.items() if status != (401 if who == "anonymous" else 200)}
    assert {name: status for name, status in unlike.items() if name not in OPEN_TO_ALL or status != 200} == {}


def as_json(sent: dict[str, Any]) -> bytes:
    return json.dumps(sent).encode()
