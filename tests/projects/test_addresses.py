"""An e-mail address counts once its letter was followed, and nothing looks at one that does not count."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.auth.models import User
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.projects.actions import invite_member
from controlplane.projects.models import Invitation, Member
from controlplane.projects.people.invitation_links import LETTER, key_of
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
VICTIM = "victim@example.com"


def confirmed(world, name: str):
    """Signed in, and asked for the password just now."""
    client = world.client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def ask_for(client, email: str) -> str:
    """The path in the letter that went there."""
    client.post("/accounts/email/", {"action_add": "", "email": email})
    letter = mail.outbox.pop()
    assert letter.to == [email]
    return next(word for word in letter.body.split() if "/confirm-email/" in word).removeprefix("http://testserver")


def letters() -> list[tuple[str, str]]:
    return [(letter.to[0], letter.subject) for letter in mail.outbox]


def opens(world, login: str) -> bool:
    client = world.client()
    client.post("/accounts/login/", {"login": login, "password": PASSWORD})
    return client.get("/account/").status_code == 200


def token_for(world, login: str) -> int:
    return world.client().post(
        "/api/v1/auth/token", {"username": login, "password": PASSWORD}, "application/json"
    ).status_code  # fmt: skip


def test_what_is_only_claimed_opens_nothing(world):
    client = confirmed(world, "mallory")
    ask_for(client, VICTIM)
    assert not opens(world, VICTIM)
    assert token_for(world, VICTIM) == 401
    mail.outbox.clear()
    world.client().post("/accounts/password/reset/", {"email": VICTIM})
    assert "no such account" in mail.outbox[0].body
    assert client.get("/api/v1/me").json()["email"] == "mallory@example.com"


def test_what_is_only_claimed_keeps_nobody_from_it_and_accepts_no_invitation(world):
    client = confirmed(world, "mallory")
    ask_for(client, VICTIM)
    made = invite_member(world.acme, email=VICTIM, role="viewer", by=world.actor("alice"))
    link = f"/invitation?key={key_of(made, LETTER)}"
    assert client.post(link).status_code == 409
    theirs = world.client()
    theirs.get(link)
    new = {"username": "victim", "password1": "another-horse-battery", "password2": "another-horse-battery"}
    assert theirs.post("/accounts/signup/", new).status_code == 302
    assert Member.objects.filter(user__username="victim", project=world.acme).exists()
    assert User.objects.get(username="victim").email == VICTIM
    assert not Member.objects.filter(user=world.mallory, project=world.acme).exists()


def test_the_letter_makes_it_count_and_the_old_address_is_told(world):
    client = confirmed(world, "vera")
    link = ask_for(client, "New@example.com".lower())
    mail.outbox.clear()
    assert "new@example.com" in client.get(link).content.decode()
    client.post(link)
    assert letters() == [("vera@example.com", "[Spark-Ops] Email Changed")]
    assert opens(world, "NEW@example.com")
    assert not opens(world, "vera@example.com")
    world.vera.refresh_from_db()
    assert world.vera.email == "new@example.com"
    assert client.get(link).context["confirmation"] is None


def test_only_the_account_that_asked_confirms(world):
    link = ask_for(confirmed(world, "mallory"), "bob@elsewhere.example")
    assert world.client().get(link)["Location"].startswith("/accounts/login/")
    assert world.client().post(link)["Location"].startswith("/accounts/login/")
    bob = world.client("bob")
    assert "does not work" in bob.get(link).content.decode()
    bob.post(link)
    assert bob.get("/account/").status_code == 200
    assert not EmailAddress.objects.filter(email="bob@elsewhere.example", verified=True).exists()


def test_an_address_that_somebody_has_cannot_be_confirmed_and_asking_does_not_tell(world):
    client = confirmed(world, "mallory")
    link = ask_for(client, "bob@example.com")
    assert "taken" in client.get(link).content.decode()
    client.post(link)
    assert opens(world, "mallory@example.com")
    assert User.objects.get(pk=world.bob.pk).email == "bob@example.com"


@pytest.mark.parametrize("verb", ["action_primary", "action_remove"])
def test_a_claim_never_becomes_the_address_by_another_way(world, verb):
    client = confirmed(world, "mallory")
    ask_for(client, VICTIM)
    client.post("/accounts/email/", {verb: "", "email": VICTIM})
    client.post("/accounts/email/", {"action_remove": "", "email": "mallory@example.com"})
    client.post("/accounts/email/", {"action_primary": "", "email": VICTIM})
    world.mallory.refresh_from_db()
    assert world.mallory.email == "mallory@example.com"
    assert list(EmailAddress.objects.filter(user=world.mallory, verified=True).values_list("email", flat=True)) == [
        "mallory@example.com"
    ]


def test_the_database_keeps_one_account_for_a_verified_address_whatever_its_case(world):
    with pytest.raises(IntegrityError), transaction.atomic():
        EmailAddress.objects.create(user=world.vera, email="BOB@example.com", verified=True)
    EmailAddress.objects.create(user=world.vera, email="bob@example.com", verified=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        EmailAddress.objects.filter(user=world.vera, verified=False).update(primary=True)


def test_an_address_that_was_only_written_into_the_account_finds_nobody(world):
    """As a script or createsuperuser leaves it."""
    User.objects.filter(pk=world.mallory.pk).update(email=VICTIM)
    assert not opens(world, VICTIM)
    world.client().post("/accounts/password/reset/", {"email": VICTIM})
    assert "no such account" in mail.outbox[0].body


def settled(world) -> dict[str, tuple[str, str, bool]]:
    """name -> (User.email, the row's address, whether it is verified) after the migration."""
    import_module("controlplane.projects.migrations.0007_tell_verified_addresses_from_claimed_ones").settle(apps, None)
    rows = EmailAddress.objects.select_related("user")
    return {row.user.username: (row.user.email, row.email, row.verified) for row in rows}


def test_addresses_of_before_count_only_where_nobody_could_have_made_them_up(world):
    EmailAddress.objects.all().delete()
    User.objects.filter(pk=world.bob.pk).update(email="Bob@Example.com")
    # Signed up by an invitation, and left as it was.
    Invitation.objects.create(
        project=world.acme, email="erin@example.com", created_by=world.alice, expires_at=timezone.now(),
        accepted_at=world.erin.date_joined,
    )  # fmt: skip
    EmailAddress.objects.create(user=world.erin, email="erin@example.com")
    # Changed to an address whose invitation it then accepted.
    User.objects.filter(pk=world.mallory.pk).update(email=VICTIM)
    EmailAddress.objects.create(user=world.mallory, email=VICTIM)
    late = world.mallory.date_joined + timedelta(days=1)
    Invitation.objects.create(
        project=world.acme, email=VICTIM, created_by=world.alice, expires_at=late, accepted_at=late
    )
    # Two that have the same.
    User.objects.filter(pk__in=[world.vera.pk, world.anna.pk]).update(email="both@example.com")
    # Confirmed by letter.
    EmailAddress.objects.create(user=world.alice, email="alice@example.com", verified=True)
    assert settled(world) == {
        "alice": ("alice@example.com", "alice@example.com", True),
        "bob": ("bob@example.com", "bob@example.com", True),
        "erin": ("erin@example.com", "erin@example.com", True),
        "mallory": ("", VICTIM, False),
        "vera": ("", "both@example.com", False),
        "anna": ("", "both@example.com", False),
    }
    assert opens(world, "mallory")
