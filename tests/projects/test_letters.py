"""Letters: kept with what causes them, sent by a worker, tried again, never waited for by a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from controlplane.domain.database import ConnectionHeld
from controlplane.projects.models import Invitation, Letter
from controlplane.projects.people import letters
from controlplane.projects.tasks import send_letter
from tests.projects.mail_server import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail_server(settings) -> Iterator[MailServer]:
    cache.clear()
    with MailServer() as server:
        settings.EMAIL_BACKEND = "controlplane.projects.people.letters.KeepLetters"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS, settings.EMAIL_TIMEOUT = False, 5
        yield server


def invite(world) -> Letter:
    answer = world.client("alice").post(
        "/api/v1/projects/acme/invitations", {"email": "nina@example.com", "role": "editor"}, "application/json"
    )
    assert answer.status_code == 201
    return Letter.objects.get()


def test_an_invitation_is_kept_sealed_and_sent_by_a_worker(world, mail_server):
    letter = invite(world)
    assert mail_server.letters == []
    assert "nina@example.com" not in letter.message
    send_letter(letter.pk)
    [(to, message)] = mail_server.letters
    assert to == ["nina@example.com"]
    assert "/invitation?key=" in message.get_payload(decode=True).decode()
    assert not Letter.objects.exists()


def test_a_new_password_is_asked_for_while_the_mail_server_is_away(world, settings):
    cache.clear()
    settings.EMAIL_BACKEND = "controlplane.projects.people.letters.KeepLetters"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False
    answer = world.client().post("/accounts/password/reset/", {"email": "bob@example.com"})
    assert answer.status_code == 302
    send_letter(Letter.objects.get().pk)
    letter = Letter.objects.get()
    assert letter.tries == 1
    assert letter.due_at > timezone.now()


def test_what_the_server_does_not_take_is_tried_again_until_it_does(world, mail_server):
    mail_server.refuses = True
    letter = invite(world)
    send_letter(letter.pk)
    letter.refresh_from_db()
    assert (letter.tries, letter.due_at > timezone.now() + timedelta(seconds=30)) == (1, True)
    send_letter(letter.pk)
    letter.refresh_from_db()
    assert letter.tries == 1
    mail_server.refuses = False
    Letter.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    send_letter(letter.pk)
    assert len(mail_server.letters) == 1
    assert not Letter.objects.exists()


def test_after_two_days_it_is_given_up(world, mail_server):
    mail_server.refuses = True
    letter = invite(world)
    Letter.objects.update(tries=letters.MOST_TRIES - 1)
    send_letter(letter.pk)
    assert not Letter.objects.exists()
    assert Invitation.objects.get().email == "nina@example.com"


def test_the_sweep_rings_for_a_letter_whose_bell_was_lost(world, mail_server):
    invite(world)
    assert letters.ring_for_letters() == 1
    assert letters.ring_for_letters() == 0
    Letter.objects.update(rung_at=timezone.now() - timedelta(minutes=1))
    assert letters.ring_for_letters() == 1


def test_what_is_taken_back_sends_no_letter(world, mail_server):
    with transaction.atomic():
        invite(world)
        transaction.set_rollback(True)
    assert not Letter.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_mail_server_is_never_waited_for_inside_a_transaction(world, mail_server):
    letter = invite(world)
    with pytest.raises(ConnectionHeld), transaction.atomic():
        letters.send(letter.pk)
    assert mail_server.letters == []
