"""The frame of every page: theme, navigation, policy."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from controlplane.ui.context import shell
from controlplane.ui.navigation import current_url, first_url, sections_for


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("", "auto"), ('"><x', "auto")])
def test_the_theme_comes_from_the_cookie_and_is_one_of_three(cookie: str, theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    assert shell(request)["theme"] == theme


def test_the_page_is_drawn_in_the_chosen_theme(db: None) -> None:
    client = Client()
    client.cookies["theme"] = "dark"
    assert b'data-bs-theme="dark"' in client.get("/accounts/login/").content


def test_choosing_a_theme_sets_the_cookie_and_goes_back(db: None) -> None:
    response = Client().post("/theme/", {"theme": "light"}, headers={"referer": "http://testserver/p/acme/runs/"})
    assert response.cookies["theme"].value == "light"
    assert response["Location"] == "/p/acme/runs/"


def test_choosing_a_theme_never_leads_to_another_site(db: None) -> None:
    response = Client().post("/theme/", {"theme": "light"}, headers={"referer": "https://elsewhere.example/"})
    assert response["Location"] == "/"


def test_an_unknown_theme_is_refused(db: None) -> None:
    assert Client().post("/theme/", {"theme": "neon"}).status_code == 400


def test_navigation_leaves_out_pages_that_do_not_exist() -> None:
    assert first_url(("nobody:home", "nothing:else"), "acme") == ""


def test_navigation_is_empty_outside_a_project() -> None:
    assert sections_for(RequestFactory().get("/")) == []


def test_navigation_names_one_current_entry(world) -> None:
    response = world.client("bob").get("/p/acme/runs/new")
    links = [link for _, links in response.context["navigation"] for link in links]
    assert [link.label for link in links if link.current] == ["Runs"]


URLS = ["/p/a/", "/p/a/runs/", "/p/a/settings/", "/p/a/settings/members/"]


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/p/a/", "/p/a/"),
        ("/p/a/runs/", "/p/a/runs/"),
        ("/p/a/runs/42/", "/p/a/runs/"),
        ("/p/a/settings/members/new", "/p/a/settings/members/"),
        ("/p/a/views/", ""),
    ],
)
def test_a_page_lights_the_entry_it_lies_under(path: str, current: str) -> None:
    assert current_url(URLS, path, root="/p/a/") == current


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/"])
def test_account_pages_wear_the_portals_look(path: str, db: None) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    assert b"narrow__card" in response.content


@pytest.mark.parametrize(
    "path", ["/accounts/password/change/", "/accounts/2fa/", "/accounts/sessions/", "/accounts/logout/"]
)
def test_account_pages_open_for_who_is_signed_in(path: str, world) -> None:
    response = world.client("alice").get(path)
    assert response.status_code == 200
    assert b"Back to the portal" in response.content


def test_wrong_passwords_are_told_beside_the_form(db: None) -> None:
    response = Client().post("/accounts/login/", {"login": "nobody", "password": "wrong"})
    assert b"not correct" in response.content


def test_the_policy_allows_no_inline_code(db: None) -> None:
    policy = Client().get("/accounts/login/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
