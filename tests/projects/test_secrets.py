"""Secrets at rest: sealed, bound to their place, moved to a new key by one command."""

from __future__ import annotations

import base64
import os
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from controlplane.domain.errors import NotFound
from controlplane.projects.actions import delete_secret, reveal_secrets, set_secret
from controlplane.projects.models import Secret
from controlplane.projects.secrets import encryption

pytestmark = pytest.mark.django_db


def new_key(name: str) -> str:
    return f"{name}:{base64.urlsafe_b64encode(os.urandom(32)).decode()}"


def test_the_row_does_not_hold_the_value(world):
    set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice"))
    assert "hush" not in str(Secret.objects.values())


def test_a_value_copied_to_another_place_does_not_open(world):
    mine = set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice"))
    set_secret(world.globex, name="KEY", value="other", by=world.actor("mallory"))
    Secret.objects.filter(project=world.globex).update(sealed=mine.sealed)
    with pytest.raises(encryption.Unreadable):
        reveal_secrets(world.globex.pk, {"KEY"})


def test_rotation_moves_everything_to_the_first_key(world, settings):
    set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice"))
    settings.SECRETS_KEYS = [new_key("next"), *settings.SECRETS_KEYS]
    output = StringIO()
    call_command("rotate_secrets", stdout=output)
    assert output.getvalue() == "Encrypted anew: 1 secret, 0 instance addresses, 0 second factors, 0 sessions.\n"
    settings.SECRETS_KEYS = settings.SECRETS_KEYS[:1]
    assert reveal_secrets(world.acme.pk, {"KEY"}) == {"KEY": "hush"}


def test_rotation_says_what_to_do_without_the_old_key(world, settings):
    set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice"))
    settings.SECRETS_KEYS = [new_key("next")]
    with pytest.raises(CommandError, match="old key"):
        call_command("rotate_secrets")
    assert Secret.objects.get().sealed.startswith("test:")


def test_a_secret_that_went_meanwhile_is_deleted_once(world):
    secret, by = set_secret(world.acme, name="KEY", value="hush", by=world.actor("alice")), world.actor("alice")
    delete_secret(secret, by=by)
    with pytest.raises(NotFound):
        delete_secret(secret, by=by)
    assert world.acme.events.filter(type="secret.deleted").count() == 1
