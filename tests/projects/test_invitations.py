"""Sign-up by invitation: one address, one project, once, and not for long."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.utils import timezone

from controlplane.projects.actions import invite_member
from controlplane.projects.models import Invitation, Letter, Member
from controlplane.projects.people.invitation_links import LETTER, PAGE, find_invitation, key_of
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
NEW = {"username": "nina", "password1": "another-horse-battery", "password2": "another-horse-battery"}


def invite(world, email="nina@example.com", role="editor", way=LETTER, **fields) -> str:
    """Where the link leads, by default the one in the letter."""
    made = invite_member(world.acme, email=email, role=role, by=world.actor("alice"))
    Invitation.objects.filter(pk=made.pk).update(**fields)
    return f"/invitation?key={key_of(made, way)}"


def sign_up(world, link: str, **more):
    client = world.client()
    client.get(link)
    return client, client.post("/accounts/signup/", {**NEW, **more})


def test_sign_up_is_closed_without_an_invitation(world):
    assert "by invitation" in world.client().get("/accounts/signup/").content.decode()
    assert "by invitation" in world.client().post("/accounts/signup/", NEW).content.decode()
    assert not User.objects.filter(username="nina").exists()


@pytest.mark.django_db(transaction=True)
def test_an_administrator_invites_and_the_address_gets_a_letter_with_the_link(world):
    client = world.client("alice")
    assert client.post("/p/acme/invitations/", {"email": "Nina@example.com", "role": "editor"}).status_code == 302
    [letter] = mail.outbox
    assert letter.to == ["nina@example.com"]
    page = client.get("/p/acme/members/").content.decode()
    assert "nina@example.com" in page
    # Each is signed with the second in which it was written.
    keys = [re.search(r"http://testserver/invitation\?key=([\w:-]+)", text)[1] for text in (letter.body, page)]
    assert [find_invitation(key) for key in keys] == [Invitation.objects.get()] * 2


def test_who_is_invited_makes_an_account_and_is_a_member_at_once(world):
    link = invite(world)
    assert "Join Acme" in world.client().get(link).content.decode()
    client, answer = sign_up(world, link, email="other@example.com")
    assert answer.status_code == 302
    nina = User.objects.get(username="nina")
    assert nina.email == "nina@example.com"
    assert Member.objects.get(user=nina, project=world.acme).role == "editor"
    assert client.get("/p/acme/").status_code == 200
    told = list(world.acme.events.order_by("pk").values_list("type", "actor"))
    assert told == [("member.invited", "alice"), ("member.added", "nina")]


def test_an_invitation_works_once(world):
    link = invite(world)
    sign_up(world, link)
    assert world.client().get(link).status_code == 410
    sign_up(world, link, username="second")
    assert not User.objects.filter(username="second").exists()


@pytest.mark.parametrize(
    "fields", [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}]
)
def test_one_that_has_ended_opens_nothing(world, fields):
    link = invite(world, **fields)
    assert world.client().get(link).status_code == 410
    sign_up(world, link)
    assert not User.objects.filter(username="nina").exists()
    assert world.client("mallory").post(link).status_code == 410


@pytest.mark.parametrize("key", ["", "x", "1", "MQ:1:x", "\x00"])
def test_a_link_that_was_not_signed_here_opens_nothing(world, key):
    invite(world)
    assert world.client().get("/invitation", {"key": key}).status_code == 410


def test_one_that_ends_while_the_form_is_open_makes_no_account(world):
    link = invite(world)
    client = world.client()
    client.get(link)
    Invitation.objects.update(revoked_at=timezone.now())
    client.post("/accounts/signup/", NEW)
    assert not User.objects.filter(username="nina").exists()


def test_who_has_an_account_joins_with_a_click(world):
    link = invite(world, "mallory@example.com", "viewer")
    assert world.client("mallory").post(link)["Location"] == "/p/acme/"
    assert Member.objects.get(user=world.mallory, project=world.acme).role == "viewer"


@pytest.mark.django_db(transaction=True)
def test_a_letter_is_kept_with_its_invitation_and_once_for_one_key(world, settings):
    settings.EMAIL_BACKEND = "controlplane.projects.people.letters.KeepLetters"
    client, sent = world.client("alice"), {"email": "nina@example.com", "role": "viewer"}
    for _ in range(2):
        url, key = "/api/v1/projects/acme/invitations", {"Idempotency-Key": "once"}
        assert client.post(url, sent, "application/json", headers=key).status_code == 201
    assert Letter.objects.count() == Invitation.objects.count() == 1


def test_an_address_with_an_account_gets_no_second_one(world):
    link = invite(world, "mallory@example.com")
    _, answer = sign_up(world, link)
    assert (answer.status_code, User.objects.filter(email="mallory@example.com").count()) == (409, 1)
    assert Invitation.objects.open().exists()


def test_another_account_cannot_take_it(world):
    link = invite(world)
    answer = world.client("mallory").post(link)
    assert answer.status_code == 409
    assert not Member.objects.filter(user=world.mallory, project=world.acme).exists()
    assert Invitation.objects.open().exists()


def test_one_who_was_removed_has_invited_nobody(world):
    link = invite(world, "mallory@example.com")
    Member.objects.filter(user=world.alice).update(role="viewer")
    assert world.client("mallory").post(link).status_code == 409
    assert not Member.objects.filter(user=world.mallory, project=world.acme).exists()


def test_nobody_accepts_without_signing_in(world):
    assert world.client().post(invite(world))["Location"].startswith("/accounts/login/")


def test_a_weak_password_is_refused_beside_its_field(world):
    _, answer = sign_up(world, invite(world), password1="short", password2="short")
    assert answer.context["form"].errors
    assert not User.objects.filter(username="nina").exists()


def test_a_newer_invitation_ends_the_older(world):
    old, new = invite(world), invite(world, role="viewer")
    assert [world.client().get(link).status_code for link in (old, new)] == [410, 200]


@pytest.mark.parametrize("sent", [{"email": "nonsense", "role": "viewer"}, {"email": "n@example.com", "role": "king"}])
def test_what_does_not_fit_stands_beside_its_field(world, sent):
    assert world.client("alice").post("/p/acme/invitations/", sent).status_code == 422
    body = world.client("alice").post("/api/v1/projects/acme/invitations", sent, "application/json")
    assert body.status_code == 400
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again(world):
    answer = world.client("alice").post("/p/acme/invitations/", {"email": "bob@example.com", "role": "viewer"})
    assert answer.status_code == 422
    assert "already" in answer.content.decode()


@pytest.mark.parametrize("name", ["erin", "anna", "bob", "vera"])
def test_only_administrators_invite_see_and_withdraw(world, name):
    invite(world)
    pk, client = Invitation.objects.get().pk, world.client(name)
    assert client.post("/p/acme/invitations/", {"email": "x@example.com", "role": "viewer"}).status_code == 403
    assert client.post(f"/p/acme/invitations/{pk}/revocation").status_code == 403
    assert client.get("/api/v1/projects/acme/invitations").status_code == 403
    assert client.delete(f"/api/v1/projects/acme/invitations/{pk}").status_code == 403
    assert "nina@example.com" not in client.get("/p/acme/members/").content.decode()


def test_the_api_invites_lists_and_withdraws(world):
    client, url = world.client("alice"), "/api/v1/projects/acme/invitations"
    made = client.post(url, {"email": "nina@example.com", "role": "viewer"}, "application/json")
    assert made.status_code == 201
    assert world.client().get(made.json()["url"].removeprefix("http://testserver")).status_code == 200
    assert [one["email"] for one in client.get(url).json()["results"]] == ["nina@example.com"]
    assert client.delete(f"{url}/{made.json()['id']}").status_code == 204
    assert client.delete(f"{url}/{made.json()['id']}").status_code == 409
    assert client.get(url).json()["results"] == []


def test_the_django_admin_shows_and_withdraws_them(world):
    invite(world)
    User.objects.filter(username="alice").update(is_superuser=True, is_staff=True)
    admin, url = world.client("alice"), "/admin/projects/invitation/"
    assert "nina@example.com" in admin.get(url).content.decode()
    admin.post(url, {"action": "withdraw", "_selected_action": [Invitation.objects.get().pk]})
    assert not Invitation.objects.open().exists()


def test_a_token_invites_nobody(world):
    answer = world.api("alice").post("/api/v1/projects/acme/invitations", {"email": "n@example.com", "role": "viewer"})
    assert answer.status_code == 403
    assert not Invitation.objects.exists()


def test_who_signs_in_on_the_way_comes_back_to_the_invitation(world):
    link = invite(world, "mallory@example.com")
    client = world.client()
    login = client.post("/accounts/login/", {"login": "mallory", "password": PASSWORD, "next": link})
    assert login["Location"] == link


@pytest.mark.django_db(transaction=True)
def test_two_invitations_at_once_leave_one_open(world):
    by, together = world.actor("alice"), Barrier(2, timeout=20)

    def ask(role: str) -> None:
        together.wait()
        invite_member(world.acme, email="nina@example.com", role=role, by=by)
        connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ask, ["viewer", "admin"]))
    assert Invitation.objects.open().count() == 1


def test_the_page_of_an_invitation_does_not_tell_whether_the_address_is_known(world):
    pages = []
    for email in ("mallory@example.com", "nobody@example.com"):
        page = world.client().get(invite(world, email, way=PAGE)).content.decode()
        pages.append(re.sub(r'nonce="[^"]+"|csrf[^>]*value="\w+"|key[=%].*?(?=")', "", page).replace(email, "…"))
    assert pages[0] == pages[1]


def test_who_comes_by_the_link_on_the_page_joins_and_only_claims_the_address(world):
    client, _ = sign_up(world, invite(world, "mallory@example.com", way=PAGE))
    nina = User.objects.get(username="nina")
    assert Member.objects.get(user=nina, project=world.acme).role == "editor"
    assert nina.email == ""
    assert list(nina.emailaddress_set.values_list("email", "verified")) == [("mallory@example.com", False)]
    assert client.get("/api/v1/me").json()["email"] == ""
    [letter] = mail.outbox
    assert letter.to == ["mallory@example.com"]
    assert "/accounts/confirm-email/" in letter.body


def test_a_name_that_reads_like_an_address_is_refused(world):
    _, answer = sign_up(world, invite(world), username="mallory@example.com")
    assert "without @" in answer.content.decode()
    assert not User.objects.filter(username="mallory@example.com").exists()
