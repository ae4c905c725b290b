"""One's own account: preferences, and where one is signed in."""

from __future__ import annotations

import re

import pytest
from allauth.usersessions.models import UserSession
from django.utils import timezone

from controlplane.projects.forms import PreferencesForm, zone_choices
from controlplane.projects.models import Preferences
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db


def signed_in(world, name="bob", **headers):
    client = world.client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD}, headers=headers)
    return client


def zone_shown_on(client, path: str) -> str:
    """The time zone that the page was made in."""
    seen = []
    original = timezone.activate
    timezone.activate = lambda zone: (seen.append(str(zone)), original(zone))[1]
    try:
        assert client.get(path).status_code == 200
    finally:
        timezone.activate = original
    return seen[-1]


def test_the_page_names_account_projects_and_roles(world):
    html = world.client("bob").get("/account/").content.decode()
    assert "bob@example.com" in html
    assert "Acme" in html
    assert "Operator" in html
    assert "Globex" not in html


def test_times_are_the_projects_until_one_chooses(world):
    client = world.client("bob")
    assert zone_shown_on(client, "/p/acme/members/") == "Europe/Berlin"
    client.post("/account/", {"time_zone": "Asia/Tokyo", "theme": "auto"})
    assert zone_shown_on(client, "/p/acme/members/") == "Asia/Tokyo"
    assert zone_shown_on(client, "/account/") == "Asia/Tokyo"
    assert zone_shown_on(world.client("vera"), "/p/acme/members/") == "Europe/Berlin"
    client.post("/account/", {"time_zone": "", "theme": "auto"})
    assert zone_shown_on(client, "/p/acme/members/") == "Europe/Berlin"


def test_a_zone_costs_no_question_of_its_own(world, django_assert_num_queries):
    client = world.client("bob")
    with django_assert_num_queries(5):
        client.get("/p/acme/settings/")
    client.post("/account/", {"time_zone": "Asia/Tokyo", "theme": "auto"})
    with django_assert_num_queries(5):
        client.get("/p/acme/settings/")


@pytest.mark.parametrize("sent", [{"time_zone": "Mars/Olympus", "theme": "auto"}, {"time_zone": "", "theme": "neon"}])
def test_what_does_not_exist_cannot_be_chosen(world, sent):
    assert world.client("bob").post("/account/", sent).status_code == 422
    assert world.api("bob").patch("/api/v1/me", sent).status_code == 403
    answer = world.client("bob").patch("/api/v1/me", sent, "application/json")
    assert answer.status_code == 400
    assert not Preferences.objects.exists()


def test_the_theme_is_set_at_once_and_again_wherever_one_signs_in(world):
    response = world.client("bob").post("/account/", {"time_zone": "", "theme": "dark"})
    assert response.cookies["theme"].value == "dark"
    client = world.client()
    assert client.post("/accounts/login/", {"login": "bob", "password": PASSWORD}).cookies["theme"].value == "dark"


def test_who_chose_nothing_keeps_the_theme_of_the_browser(world):
    client = world.client()
    assert "theme" not in client.post("/accounts/login/", {"login": "bob", "password": PASSWORD}).cookies


def test_sessions_are_shown_and_signed_out_one_by_one(world):
    here, there = signed_in(world, user_agent="Here/1"), signed_in(world, user_agent="There/2")
    page = here.get("/accounts/sessions/").content.decode()
    assert "Here/1" in page
    assert "There/2" in page
    other = UserSession.objects.get(user_agent="There/2")
    assert here.post("/account/sessions/end", {"session": other.pk}).status_code == 302
    assert there.get("/p/acme/").status_code == 302
    assert here.get("/p/acme/").status_code == 200


def test_all_others_are_signed_out_at_once(world):
    here, there = signed_in(world), signed_in(world)
    here.post("/accounts/sessions/")
    assert there.get("/p/acme/").status_code == 302
    assert here.get("/p/acme/").status_code == 200


def test_a_session_of_somebody_else_is_none(world):
    signed_in(world, "alice")
    theirs = UserSession.objects.get()
    assert world.client("bob").post("/account/sessions/end", {"session": theirs.pk}).status_code == 404
    assert world.client("bob").delete(f"/api/v1/me/sessions?session={theirs.pk}").status_code == 404
    assert UserSession.objects.filter(pk=theirs.pk).exists()


@pytest.mark.parametrize("sent", ["", "x", "-1", "9" * 30, "١"])
def test_a_session_that_is_no_number_is_refused(world, sent):
    assert world.client("bob").post("/account/sessions/end", {"session": sent}).status_code == 400


def test_the_api_tells_who_asks(world):
    told = world.api("bob").get("/api/v1/me").json()
    assert told["username"] == "bob"
    assert told["projects"] == [{"project": "acme", "role": "operator"}]


def test_the_api_changes_preferences_and_ends_sessions(world):
    here, there = signed_in(world), signed_in(world)
    changed = here.patch("/api/v1/me", {"time_zone": "Asia/Tokyo"}, "application/json").json()
    assert (changed["time_zone"], changed["theme"]) == ("Asia/Tokyo", "auto")
    assert len(here.get("/api/v1/me/sessions").json()["results"]) == 2
    assert here.delete("/api/v1/me/sessions").status_code == 204
    assert there.get("/p/acme/").status_code == 302
    assert here.get("/p/acme/").status_code == 200


def test_a_token_neither_sees_nor_changes_what_is_its_owners(world):
    script = world.api("bob")
    assert script.get("/api/v1/me/sessions").status_code == 403
    assert script.delete("/api/v1/me/sessions").status_code == 403
    assert script.patch("/api/v1/me", {"theme": "dark"}).status_code == 403


def test_the_password_is_changed_with_the_old_one_only(world):
    client = signed_in(world)
    new = {"password1": "another-horse-battery", "password2": "another-horse-battery"}
    assert client.post("/accounts/password/change/", {"oldpassword": "guessed", **new}).status_code == 200
    assert client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new}).status_code == 302
    world.bob.refresh_from_db()
    assert world.bob.check_password("another-horse-battery")


def test_another_address_needs_the_password_first(world):
    answer = world.client("vera").post("/accounts/email/", {"action_add": "", "email": "other@example.com"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    world.vera.refresh_from_db()
    assert world.vera.email == "vera@example.com"


def test_the_menu_of_zones_marks_the_chosen_one_and_escapes_what_it_is_given():
    drawn = str(PreferencesForm(initial={"time_zone": "Asia/Tokyo", "theme": "auto"})["time_zone"])
    assert drawn.count("<option") == len(zone_choices()) > 400
    assert re.findall(r'value="([^"]*)" selected', drawn) == ["Asia/Tokyo"]
    assert "<script>" not in str(PreferencesForm({"time_zone": "<script>", "theme": "auto"})["time_zone"])
