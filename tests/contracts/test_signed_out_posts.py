"""A form that meets an ended session: after signing in one is on a page again, never at the address of an action."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.contracts.addresses import address
from tests.contracts.permissions import ACCOUNT_PREFIXES, PUBLIC, ROUTES
from tests.contracts.subjects import Standing

POSTED = [
    name
    for name, route in ROUTES.items()
    if "POST" in route.levels and route.levels["POST"] != PUBLIC and not name.startswith(("api:", *ACCOUNT_PREFIXES))
]
ONLY_POSTED = [name for name in POSTED if "GET" not in ROUTES[name].levels]
HOME = "http://testserver"
pytestmark = pytest.mark.django_db


def after_signing_in(standing: Standing, posted: str, **headers: Any) -> tuple[str, int]:
    """Where the sign-in page leads somebody who sent a form to `posted` without a session, and what is there."""
    answer = Client().post(posted, {"note": "typed"}, headers=headers)
    leads = urlsplit(answer["Location"])
    assert (answer.status_code, leads.path) == (302, "/accounts/login/")
    on = parse_qs(leads.query)["next"][0]
    return on, standing.client("root" if on == "/projects/new" else "alice").get(on, follow=True).status_code


def test_there_are_actions_without_a_page():
    assert len(ONLY_POSTED) > 15


@pytest.mark.parametrize("name", ONLY_POSTED)
def test_opening_an_action_like_a_page_says_so_in_words(standing: Standing, name: str):
    answer = standing.client("alice").get(address(name, standing.mine))
    assert answer.status_code == 405
    assert b"There is nothing to see at this address" in answer.content
    assert "GET" not in answer["Allow"]


@pytest.mark.parametrize("name", POSTED)
def test_a_form_of_somebody_signed_out_leads_back_to_a_page(standing: Standing, name: str):
    posted, front = address(name, standing.mine), f"{HOME}/p/acme/"
    sent_from = f"{HOME}/p/acme/workflows/{standing.mine.ids['workflow']}/?note=1"
    assert after_signing_in(standing, posted, referer=sent_from) == (sent_from.removeprefix(HOME), 200)
    own = posted if name not in ONLY_POSTED else front.removeprefix(HOME) if posted.startswith("/p/") else "/"
    for sent_from in (f"{HOME}{posted}", "https://elsewhere.example/p/acme/", ""):
        assert after_signing_in(standing, posted, referer=sent_from)[0] == own
