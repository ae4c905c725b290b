"""Projects, members, tokens, secrets and signing in, as a script sees them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from allauth.mfa.totp.internal.auth import TOTP, hotp_value
from django.db import connection
from rest_framework.test import APIClient

from controlplane.domain.errors import ActionRefused, NotFound
from controlplane.events.models import Event
from controlplane.projects.actions import add_member, change_role, remove_member, reveal_secrets, update_project
from controlplane.projects.models import ApiToken, Member, Project, Secret
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(world) -> APIClient:
    """An administrator of the installation, signed in by JWT."""
    world.alice.is_superuser = True
    world.alice.save()
    return by_password("alice")


def by_password(name: str, password: str = PASSWORD) -> APIClient:
    client = APIClient()
    pair = client.post("/api/v1/auth/token", {"username": name, "password": password}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return client


def fields(response) -> list[str]:
    """Which fields are at fault, each once."""
    return list(dict.fromkeys(error["field"] for error in response.json()["errors"]))


def test_a_project_is_made_by_an_administrator_of_the_installation(root):
    response = root.post("/api/v1/projects", {"slug": "lab", "name": "Lab", "time_zone": "Asia/Tokyo"})
    assert response.status_code == 201
    project = Project.objects.get(slug="lab")
    assert (
        response.json().items() >= {"id": project.pk, "slug": "lab", "name": "Lab", "time_zone": "Asia/Tokyo"}.items()
    )
    assert Member.objects.get(project=project).role == "admin"


def test_nobody_else_makes_projects(world):
    for client in (world.api("alice"), by_password("erin"), world.api("vera")):
        assert client.post("/api/v1/projects", {"slug": "lab", "name": "Lab"}).status_code == 403
    assert not Project.objects.filter(slug="lab").exists()


def test_a_token_of_a_superuser_stays_in_its_project(world, root):
    response = world.api("alice").post("/api/v1/projects", {"slug": "lab", "name": "Lab"})
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Lab"}, "slug"),
        ({"slug": "Not A Slug", "name": "Lab"}, "slug"),
        ({"slug": "42", "name": "Lab"}, "slug"),
        ({"slug": "lab", "name": "Lab", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"slug": "lab", "name": ""}, "name"),
        ({"slug": "lab", "name": "Lab", "colour": "red"}, "colour"),
    ],
)
def test_a_project_that_does_not_fit_is_refused_with_its_field(root, body, field):
    response = root.post("/api/v1/projects", body)
    assert (response.status_code, fields(response)) == (400, [field])


def test_a_slug_that_is_taken_is_a_conflict(root):
    response = root.post("/api/v1/projects", {"slug": "globex", "name": "Again"})
    assert (response.status_code, fields(response)) == (409, ["slug"])


def test_a_list_shows_what_is_mine_in_pages(world):
    for slug in ("one", "two"):
        Member.objects.create(project=Project.objects.create(slug=slug, name=slug), user=world.vera, role="viewer")
    client = by_password("vera")
    first = client.get("/api/v1/projects?limit=2").json()
    second = client.get(first["next"]).json()
    assert [project["slug"] for project in first["results"] + second["results"]] == ["acme", "one", "two"]
    assert second["next"] is None


def test_a_project_is_read_and_changed_by_id_or_slug(world):
    assert world.api("vera").get("/api/v1/projects/acme").json()["id"] == world.acme.pk
    response = world.api("alice").patch(f"/api/v1/projects/{world.acme.pk}/", {"name": "Acme Inc."})
    assert (response.status_code, response.json()["name"], response.json()["time_zone"]) == (
        200,
        "Acme Inc.",
        "Europe/Berlin",
    )
    assert world.api("erin").patch("/api/v1/projects/acme", {"name": "x"}).status_code == 403
    assert world.api("mallory").get("/api/v1/projects/acme").status_code == 404


def test_two_who_change_different_fields_of_a_project_at_once_both_do(world):
    read_before = Project.objects.get(pk=world.acme.pk)
    update_project(world.acme, name="Acme Inc.", by=world.actor("alice"))
    changed = update_project(read_before, time_zone="Asia/Tokyo", by=world.actor("alice"))
    world.acme.refresh_from_db()
    assert (world.acme.name, world.acme.time_zone) == (changed.name, changed.time_zone) == ("Acme Inc.", "Asia/Tokyo")


def test_members_are_added_changed_and_removed(world):
    api, url = world.api("alice"), "/api/v1/projects/acme/members"
    added = api.post(url, {"user": "mallory", "role": "viewer"})
    assert (added.status_code, added.json()["user"]) == (201, "mallory")
    one = f"{url}/{added.json()['id']}"
    assert api.patch(one, {"role": "editor"}).json()["role"] == "editor"
    assert api.delete(one).status_code == 204
    assert not Member.objects.filter(project=world.acme, user=world.mallory).exists()
    told = list(Event.objects.filter(type__startswith="member.").order_by("pk").values_list("type", "data__role"))
    assert told == [("member.added", "viewer"), ("member.changed", "editor"), ("member.removed", None)]


def test_members_are_seen_by_members_only(world):
    names = [member["user"] for member in world.api("vera").get("/api/v1/projects/acme/members").json()["results"]]
    assert sorted(names) == ["alice", "anna", "bob", "erin", "vera"]
    assert world.api("mallory").get("/api/v1/projects/acme/members").status_code == 404


@pytest.mark.parametrize("name", ["erin", "anna", "bob", "vera"])
def test_members_are_managed_by_administrators_only(world, name):
    url = "/api/v1/projects/acme/members"
    own = Member.objects.get(user=world.people[name], project=world.acme)
    api = world.api(name)
    assert api.post(url, {"user": "mallory", "role": "viewer"}).status_code == 403
    assert api.patch(f"{url}/{own.pk}", {"role": "admin"}).status_code == 403
    assert api.delete(f"{url}/{own.pk}").status_code == 403


def test_whether_an_account_exists_is_told_to_administrators_only(world):
    body = {"user": "nobody", "role": "viewer"}
    assert world.api("bob").post("/api/v1/projects/acme/members", body).status_code == 403
    response = world.api("alice").post("/api/v1/projects/acme/members", body)
    assert (response.status_code, fields(response)) == (400, ["user"])


def test_a_member_twice_is_a_conflict(world):
    response = world.api("alice").post("/api/v1/projects/acme/members", {"user": "bob", "role": "viewer"})
    assert (response.status_code, fields(response)) == (409, ["user"])


def test_one_member_reads_as_in_the_list(world):
    api, url = world.api("vera"), "/api/v1/projects/acme/members"
    for member in api.get(url).json()["results"]:
        assert api.get(f"{url}/{member['id']}").json() == member
    elsewhere = Member.objects.get(user=world.mallory).pk
    assert api.get(f"{url}/{elsewhere}").status_code == 404
    assert world.api("mallory").get(f"{url}/{member['id']}").status_code == 404


def test_one_token_reads_as_in_the_list(world):
    api = world.api("bob")
    [token] = api.get("/api/v1/tokens").json()["results"]
    one = f"/api/v1/tokens/{token['id']}"
    assert api.get(one).json() == token | {"last_used_at": api.get(one).json()["last_used_at"]}
    assert world.api("alice").get(one).status_code == 200
    assert world.api("vera").get(one).status_code == 404
    assert world.api("mallory").get(one).status_code == 404


def test_one_who_left_meanwhile_is_missing(world):
    gone, by = Member.objects.get(user=world.bob), world.actor("alice")
    Member.objects.filter(pk=gone.pk).delete()
    with pytest.raises(NotFound):
        change_role(gone, role="viewer", by=by)
    with pytest.raises(NotFound):
        remove_member(gone, by=by)
    assert not Event.objects.filter(type__startswith="member.").exists()


def test_one_who_was_promoted_meanwhile_counts_as_an_administrator(world):
    bob, by = Member.objects.get(user=world.bob), world.actor("alice")
    Member.objects.filter(user=world.bob).update(role="admin")
    Member.objects.filter(user=world.alice).update(role="editor")
    with pytest.raises(ActionRefused):
        change_role(bob, role="viewer", by=by)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_step_down_at_once_leave_one(world):
    add_member(world.acme, user=world.mallory, role="admin", by=world.actor("alice"))
    both = Member.objects.filter(project=world.acme, role="admin").select_related("project", "user")
    by, together = world.actor("alice"), Barrier(2, timeout=20)

    def step_down(member: Member) -> str:
        try:
            together.wait()
            return change_role(member, role="viewer", by=by).role
        except ActionRefused:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(step_down, both))
    assert sorted(answers) == ["refused", "viewer"]
    assert both.all().count() == 1


def test_the_last_administrator_stays(world):
    url = f"/api/v1/projects/acme/members/{Member.objects.get(user=world.alice).pk}"
    assert world.api("alice").delete(url).status_code == 409
    assert world.api("alice").patch(url, {"role": "editor"}).status_code == 409


def test_a_token_is_shown_once_and_works(world):
    made = by_password("bob").post("/api/v1/tokens", {"name": "ci", "role": "viewer", "days": 7})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    text = made.json()["token"]
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    [shown] = script.get("/api/v1/tokens").json()["results"]
    assert shown["name"] == "ci"
    assert "token" not in shown
    assert text.split("_", 2)[2] not in str(ApiToken.objects.values())


def test_a_token_never_gets_more_than_its_maker(world):
    assert by_password("bob").post("/api/v1/tokens", {"name": "x", "role": "admin"}).status_code == 403


def test_a_token_makes_no_successor(world):
    refused = world.api("alice").post("/api/v1/tokens", {"name": "x", "role": "viewer"})
    assert (refused.status_code, ApiToken.objects.count()) == (403, 1)
    assert "Sign in" in refused.json()["detail"]


def test_a_token_revokes_no_other(world):
    alice = world.api("alice")
    world.api("bob")
    for token in ApiToken.objects.exclude(name="alice's"):
        assert alice.delete(f"/api/v1/tokens/{token.pk}").status_code == 403
    assert not ApiToken.objects.exclude(revoked_at=None).exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "viewer"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "role": "king"}, "role"),
        ({"name": "x", "days": 0}, "days"),
        ({"name": "x", "days": 9999}, "days"),
        ({"name": "x", "role": "viewer", "scope": "all"}, "scope"),
    ],
)
def test_a_token_that_does_not_fit_is_refused_with_its_field(world, body, field):
    response = by_password("bob").post("/api/v1/tokens", body)
    assert (response.status_code, fields(response)) == (400, [field])


def test_a_revoked_token_is_worth_nothing_at_once(world):
    api = world.api("bob")
    token = ApiToken.objects.get()
    assert api.delete(f"/api/v1/tokens/{token.pk}").status_code == 204
    assert api.get("/api/v1/projects").status_code == 401


def test_tokens_of_others_are_for_administrators(world):
    world.api("bob")
    bobs = ApiToken.objects.get()
    world.api("vera")
    assert by_password("vera").delete(f"/api/v1/tokens/{bobs.pk}").status_code == 404
    assert [token["name"] for token in by_password("vera").get("/api/v1/tokens").json()["results"]] == ["vera's"]
    assert by_password("mallory").delete(f"/api/v1/tokens/{bobs.pk}").status_code == 404
    assert by_password("alice").delete(f"/api/v1/tokens/{bobs.pk}").status_code == 204


def test_a_token_sinks_with_its_owner(world):
    api, specification = world.api("erin"), {"steps": [{"key": "only", "uses": "noop"}]}
    assert api.post("/api/v1/workflows", {"name": "one", "specification": specification}).status_code == 201
    member = Member.objects.get(user=world.erin)
    member.role = "viewer"
    member.save()
    assert api.post("/api/v1/workflows", {"name": "two", "specification": specification}).status_code == 403
    member.delete()
    assert api.get("/api/v1/projects").json()["results"] == []


def test_a_secret_is_written_and_never_read(world):
    api = world.api("alice")
    made = api.post("/api/v1/secrets", {"name": "API_KEY", "value": "  hush hush\n"})
    assert made.status_code == 201
    assert "hush" not in made.content.decode() + api.get("/api/v1/secrets").content.decode() + str(
        Event.objects.values()
    )
    assert reveal_secrets(world.acme.pk, {"API_KEY"}) == {"API_KEY": "  hush hush\n"}
    assert api.post("/api/v1/secrets", {"name": "API_KEY", "value": "new-value"}).status_code == 201
    assert reveal_secrets(world.acme.pk, {"API_KEY"}) == {"API_KEY": "new-value"}
    assert api.delete("/api/v1/secrets/API_KEY").status_code == 204
    assert not Secret.objects.exists()


@pytest.mark.parametrize("name", ["erin", "bob", "vera"])
def test_secrets_are_set_by_administrators_only(world, name):
    assert world.api(name).post("/api/v1/secrets", {"name": "A", "value": "bbbb"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "no-hyphen", "value": "long enough"}, "name"),
        ({"name": "A"}, "value"),
        ({"name": "A", "value": "x" * 40_000}, "value"),
    ],
)
def test_a_secret_that_does_not_fit_is_refused_with_its_field(world, body, field):
    response = world.api("alice").post("/api/v1/secrets", body)
    assert (response.status_code, fields(response)) == (400, [field])


def test_a_person_with_two_projects_says_which(world):
    Member.objects.create(project=world.globex, user=world.alice, role="admin")
    client = by_password("alice")
    response = client.post("/api/v1/secrets", {"name": "A", "value": "bbbb"})
    assert (response.status_code, fields(response)) == (400, ["project"])
    assert client.post("/api/v1/secrets", {"project": "globex", "name": "A", "value": "bbbb"}).status_code == 201
    assert client.get("/api/v1/secrets?project=acme").json()["results"] == []


def test_a_password_gives_a_pair_that_can_be_renewed(world):
    client = APIClient()
    pair = client.post("/api/v1/auth/token", {"username": "bob", "password": PASSWORD}).json()
    renewed = client.post("/api/v1/auth/refresh", {"refresh": pair["refresh"]})
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {renewed.json()['access']}")
    assert [project["slug"] for project in client.get("/api/v1/projects").json()["results"]] == ["acme"]


@pytest.mark.parametrize(
    "body", [{"username": "bob", "password": "wrong"}, {"username": "nobody", "password": PASSWORD}]
)
def test_a_wrong_name_and_a_wrong_password_read_the_same(world, body):
    response = APIClient().post("/api/v1/auth/token", body)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response.json()["detail"] == "The user name, password or code is wrong."


def test_wrong_tries_are_limited_by_name_and_shared_with_the_sign_in_page(world, client):
    api = APIClient()
    for _ in range(5):
        assert api.post("/api/v1/auth/token", {"username": "bob", "password": "wrong"}).status_code == 401
        client.post("/accounts/login/", {"login": "bob", "password": "wrong"})
    response = api.post("/api/v1/auth/token", {"username": "bob", "password": PASSWORD})
    assert (response.status_code, response["Retry-After"]) == (429, "300")
    page = client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert page.status_code in {200, 429}
    assert api.post("/api/v1/auth/token", {"username": "vera", "password": PASSWORD}).status_code == 200


def test_right_tries_are_not_limited(world):
    for _ in range(15):
        assert APIClient().post("/api/v1/auth/token", {"username": "bob", "password": PASSWORD}).status_code == 200


def test_a_password_alone_does_not_pass_two_factor_sign_in(world):
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(world.bob, secret)
    body = {"username": "bob", "password": PASSWORD}
    assert APIClient().post("/api/v1/auth/token", body).status_code == 401
    code = f"{hotp_value(secret, int(time.time()) // 30) % 10**6:06d}"
    assert APIClient().post("/api/v1/auth/token", {**body, "code": code}).status_code == 200


def test_a_new_password_ends_tokens_of_the_old_one(world):
    client = by_password("bob")
    refresh = client.post("/api/v1/auth/token", {"username": "bob", "password": PASSWORD}).json()["refresh"]
    world.bob.set_password("another-horse-battery")
    world.bob.save()
    assert client.get("/api/v1/projects").status_code == 401
    assert APIClient().post("/api/v1/auth/refresh", {"refresh": refresh}).status_code == 401


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
def test_a_broken_refresh_token_is_refused(world, text):
    assert APIClient().post("/api/v1/auth/refresh", {"refresh": text}).status_code in {400, 401}


def test_sign_up_is_closed(world):
    response = APIClient().post("/api/v1/auth/register", {"username": "eve", "password": PASSWORD})
    assert (response.status_code, response.json()["code"]) == (403, "not_allowed")


def test_without_signing_in_there_is_nothing(world):
    for url in ("projects", "projects/acme", "projects/acme/members", "tokens", "secrets", "activity"):
        response = APIClient().get(f"/api/v1/{url}")
        assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
