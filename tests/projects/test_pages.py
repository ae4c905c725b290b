"""The pages of a project's own things, as each role meets them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from controlplane.projects.actions import reveal_secrets, set_secret
from controlplane.projects.models import ApiToken, Member, Project, Secret
from tests.world import ROLES

pytestmark = pytest.mark.django_db
PAGES = ["members", "tokens", "secrets", "settings"]


def page(client: Client, which: str, **data) -> str:
    return client.get(f"/p/acme/{which}/", data).content.decode()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("person", ROLES)
def test_every_member_sees_every_page(world, name, person):
    assert world.client(person).get(f"/p/acme/{name}/").status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_others_see_none(world, name):
    assert world.client("mallory").get(f"/p/acme/{name}/").status_code == 404
    assert world.client().get(f"/p/acme/{name}/").status_code == 302


@pytest.mark.parametrize("name", ["members", "secrets", "settings"])
def test_forms_are_for_administrators(world, name):
    assert "<textarea" in (html := page(world.client("alice"), name)) or 'class="btn btn-primary"' in html
    assert 'class="btn btn-primary"' not in page(world.client("erin"), name)


@pytest.mark.parametrize("name", ["sessionid", "project", "csrftoken", "theme", "messages"])
def test_a_cookie_that_no_browser_sets_is_as_none(world, name):
    cookies = {"sessionid": world.client("alice").cookies["sessionid"].value, name: '"twelve-signs\\000"'}
    header = "; ".join(f"{name}={text}" for name, text in cookies.items())
    answer = world.client().get("/", headers={"Cookie": header})
    assert answer["Location"] == ("/accounts/login/?next=/" if name == "sessionid" else "/p/acme/")


def test_a_member_is_added_by_name(world):
    response = world.client("alice").post("/p/acme/members/", {"user": "mallory", "role": "approver"})
    assert response.status_code == 302
    assert Member.objects.get(project=world.acme, user=world.mallory).role == "approver"


@pytest.mark.parametrize("user", ["nobody", "bob", ""])
def test_a_member_that_cannot_be_added_stands_beside_the_field(world, user):
    response = world.client("alice").post("/p/acme/members/", {"user": user, "role": "viewer"})
    assert response.status_code == 422
    assert response.context["form"].errors["user"]


def test_a_role_is_changed_and_a_member_removed(world):
    client, member = world.client("alice"), Member.objects.get(user=world.bob)
    client.post(f"/p/acme/members/{member.pk}/role", {"role": "editor"})
    member.refresh_from_db()
    assert member.role == "editor"
    client.post(f"/p/acme/members/{member.pk}/removal")
    assert not Member.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("path", ["members/{}/role", "members/{}/removal"])
def test_the_server_refuses_what_the_page_does_not_offer(world, path):
    member = Member.objects.get(user=world.bob)
    assert world.client("erin").post(f"/p/acme/{path.format(member.pk)}", {"role": "admin"}).status_code == 403
    assert world.client("mallory").post(f"/p/globex/{path.format(member.pk)}", {"role": "admin"}).status_code == 404
    assert Member.objects.get(user=world.bob).role == "operator"


def test_the_text_of_a_token_is_shown_this_once(world):
    client = world.client("bob")
    html = client.post("/p/acme/tokens/", {"name": "ci", "role": "viewer", "days": "30"}).content.decode()
    [text] = set(re.findall(r"sp_[0-9a-f]{12}_[\w-]{40,}", html))
    assert text not in page(client, "tokens")
    assert "ci" in page(client, "tokens")
    assert ApiToken.objects.get().role == "viewer"


def test_roles_above_mine_are_not_offered_for_a_token(world):
    client = world.client("bob")
    assert 'value="admin"' not in page(client, "tokens")
    assert client.post("/p/acme/tokens/", {"name": "x", "role": "admin", "days": "30"}).status_code == 422


def test_a_token_is_revoked_by_its_owner_or_an_administrator(world):
    world.token("bob")
    token = ApiToken.objects.get()
    assert world.client("vera").post(f"/p/acme/tokens/{token.pk}/revocation").status_code == 404
    assert world.client("alice").post(f"/p/acme/tokens/{token.pk}/revocation").status_code == 302
    token.refresh_from_db()
    assert not token.is_live


def test_a_secret_is_set_replaced_and_deleted_but_never_shown(world):
    client = world.client("alice")
    for value in ("hush-1", "hush-2"):
        assert client.post("/p/acme/secrets/", {"name": "KEY", "value": value}).status_code == 302
        assert reveal_secrets(world.acme.pk, {"KEY"}) == {"KEY": value}
        assert value not in page(client, "secrets", name="KEY")
    assert client.post(f"/p/acme/secrets/{Secret.objects.get().pk}/deletion").status_code == 302
    assert not Secret.objects.exists()


def test_a_refused_secret_is_not_echoed(world):
    response = world.client("alice").post("/p/acme/secrets/", {"name": "not-a-name", "value": "hush"})
    assert response.status_code == 422
    assert "hush" not in response.content.decode()


def test_settings_are_saved(world):
    world.client("alice").post("/p/acme/settings/", {"name": "Acme Inc.", "time_zone": "Asia/Tokyo"})
    world.acme.refresh_from_db()
    assert (world.acme.name, world.acme.time_zone) == ("Acme Inc.", "Asia/Tokyo")


def test_a_time_zone_that_does_not_exist_is_refused(world):
    response = world.client("alice").post("/p/acme/settings/", {"name": "Acme", "time_zone": "Mars/Olympus"})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["time_zone"])


def test_a_project_is_made_by_superusers_only(world):
    User.objects.filter(username="alice").update(is_superuser=True)
    body = {"name": "Lab", "slug": "lab", "time_zone": "UTC"}
    assert world.client("erin").get("/projects/new").status_code == 403
    assert world.client("erin").post("/projects/new", body).status_code == 403
    client = world.client("alice")
    assert client.get("/projects/new").status_code == 200
    assert client.post("/projects/new", body)["Location"] == "/p/lab/members/"
    assert client.post("/projects/new", body).status_code == 422
    assert Member.objects.get(project=Project.objects.get(slug="lab")).user == world.alice


def test_the_admin_uses_the_portal_s_own_sign_in(world):
    assert world.client().get("/admin/login/")["Location"].startswith("/accounts/login/")


@pytest.fixture
def root(world) -> Client:
    User.objects.filter(username="alice").update(is_superuser=True, is_staff=True)
    return world.client("alice")


@pytest.mark.parametrize("model", ["project", "member", "invitation", "apitoken", "secret", "idempotencykey"])
def test_the_admin_lists_every_model(root, model):
    assert root.get(f"/admin/projects/{model}/").status_code == 200


def test_the_admin_lists_events_but_changes_none(root, world):
    world.token("bob")
    assert "token.created" in root.get("/admin/events/event/").content.decode()
    assert root.get("/admin/events/event/add/").status_code == 403


def test_the_admin_shows_neither_secrets_nor_hashes(root, world):
    world.token("bob")
    token = ApiToken.objects.get()
    secret = set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice"))
    html = root.get(f"/admin/projects/apitoken/{token.pk}/change/").content.decode()
    assert token.prefix in html
    assert token.secret_hash not in html
    assert secret.sealed not in root.get(f"/admin/projects/secret/{secret.pk}/change/").content.decode()


def test_the_admin_makes_and_changes_through_the_actions(root, world):
    root.post("/admin/projects/project/add/", {"name": "Lab", "slug": "lab", "time_zone": "UTC"})
    lab = Project.objects.get(slug="lab")
    body = {"project": lab.pk, "user": world.bob.pk, "role": "viewer"}
    assert root.post("/admin/projects/member/add/", body).status_code == 302
    member = Member.objects.get(project=lab, user=world.bob)
    root.post(f"/admin/projects/member/{member.pk}/change/", {"role": "editor"})
    told = list(lab.events.order_by("pk").values_list("type", "actor", "data__role"))
    assert told == [
        ("project.created", "alice", None),
        ("member.added", "alice", "viewer"),
        ("member.changed", "alice", "editor"),
    ]


def test_the_admin_revokes_tokens(root, world):
    world.token("bob")
    token = ApiToken.objects.get()
    root.post("/admin/projects/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert not token.is_live
