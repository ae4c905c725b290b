"""Second factors: sealed at rest, asked for at every door, and passkeys that the server really checks."""

from __future__ import annotations

import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.management import call_command

from controlplane.projects.people.accounts import opened
from tests.projects.test_secrets import new_key
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"
PAGES = ["", "totp/activate/", "webauthn/", "webauthn/add/"]


def code_of(secret: str) -> str:
    return f"{hotp_value(secret, next(yield_hotp_counters_from_time())):06}"


def signed_in(world, name: str = "bob"):
    client = world.client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


def confirmed(world, name: str = "bob"):
    """Signed in, and the pages that ask who is there have just been told."""
    client = signed_in(world, name)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_the_row_holds_no_secret_in_the_clear(world):
    device = TOTP.activate(world.bob, SECRET).instance
    codes = RecoveryCodes.activate(world.bob).instance
    assert SECRET not in str(device.data)
    assert opened(device.data["secret"]) == SECRET
    assert codes.data["seed"].startswith("test:")


def test_a_secret_of_before_is_still_read_and_sealed_by_the_next_rotation(world, settings):
    Authenticator.objects.create(user=world.bob, type="totp", data={"secret": SECRET})
    settings.SECRETS_KEYS = [new_key("next"), *settings.SECRETS_KEYS]
    assert TOTP(Authenticator.objects.get()).validate_code(code_of(SECRET))
    call_command("rotate_secrets", verbosity=0)
    assert Authenticator.objects.get().data["secret"].startswith("next:")
    assert opened(Authenticator.objects.get().data["secret"]) == SECRET


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_it_opens_in_sentence_case(world, page):
    answer = confirmed(world).get(f"/accounts/2fa/{page}")
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "narrow__card" in html
    assert [
        title for title in ("Authenticator App", "Recovery Codes", "Security Key", "Two-Factor") if title in html
    ] == []


def test_what_changes_it_asks_who_is_there(world):
    answer = world.client("bob").get("/accounts/2fa/totp/activate/")
    assert answer["Location"].startswith("/accounts/reauthenticate/")


def test_signing_in_asks_for_the_code_and_takes_each_once(world):
    TOTP.activate(world.bob, SECRET)
    client = signed_in(world)
    assert client.get("/p/acme/").status_code == 302
    assert "Second step" in client.get("/accounts/2fa/authenticate/").content.decode()
    refused = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "Incorrect code" in refused.content.decode()
    code = code_of(SECRET)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert client.get("/p/acme/").status_code == 200
    again = signed_in(world)
    again.post("/accounts/2fa/authenticate/", {"code": code})
    assert again.get("/p/acme/").status_code == 302


def test_wrong_codes_are_limited(world):
    TOTP.activate(world.bob, SECRET)
    client = signed_in(world)
    for _ in range(10):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(SECRET)})
    assert "Too many failed" in answer.content.decode()


def test_a_passkey_alone_asks_the_api_for_a_recovery_code(world):
    Authenticator.objects.create(user=world.bob, type="webauthn", data={"name": "key", "credential": {}})
    codes = RecoveryCodes.activate(world.bob).get_unused_codes()
    body = {"username": "bob", "password": PASSWORD}
    assert world.client().post("/api/v1/auth/token", body, "application/json").status_code == 401
    assert world.client().post("/api/v1/auth/token", {**body, "code": codes[0]}, "application/json").status_code == 200


@pytest.mark.parametrize("sent", ["", "x", "{}", "[]", "1", json.dumps({"id": "x", "response": {}})])
def test_a_passkey_that_is_none_lets_nobody_in(world, sent):
    client = world.client()
    client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert client.post("/accounts/2fa/webauthn/login/", {"credential": sent}).status_code in (302, 200)
    assert client.get("/p/acme/").status_code == 302


@pytest.mark.parametrize("sent", ["", "x", "{}", "[]", "1", json.dumps({"id": "x", "response": {}})])
def test_a_passkey_that_is_none_is_not_added(world, sent):
    client = confirmed(world)
    client.get("/accounts/2fa/webauthn/add/")
    assert client.post("/accounts/2fa/webauthn/add/", {"name": "x", "credential": sent}).status_code == 200
    assert not Authenticator.objects.exists()


def test_the_challenge_tells_nothing_about_accounts(world):
    answer = world.client().get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert answer.json()["request_options"]["publicKey"].get("allowCredentials", []) == []


def test_the_pages_of_passkeys_hold_no_inline_script(world):
    answer = confirmed(world).get("/accounts/2fa/webauthn/add/")
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "<passkey-form" in answer.content.decode()


def test_a_lost_password_is_reset_by_letter(world):
    client = world.client()
    client.post("/accounts/password/reset/", {"email": "bob@example.com"})
    [letter] = mail.outbox
    assert letter.to == ["bob@example.com"]
    link = next(word for word in letter.body.split() if "/password/reset/key/" in word)
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    new = {"password1": "another-horse-battery", "password2": "another-horse-battery"}
    client.post(page.redirect_chain[-1][0], new)
    world.bob.refresh_from_db()
    assert world.bob.check_password("another-horse-battery")
    assert world.client().get(link.removeprefix("http://testserver"), follow=True).context["token_fail"]


def test_asking_for_a_reset_tells_nothing_about_accounts(world):
    answers = []
    for email in ("bob@example.com", "nobody@example.com"):
        answer = world.client().post("/accounts/password/reset/", {"email": email})
        answers.append((answer.status_code, answer["Location"]))
    assert answers[0] == answers[1]
    assert "no such account" in mail.outbox[1].body


def test_asking_for_resets_is_limited(world):
    asked = [world.client().post("/accounts/password/reset/", {"email": "bob@example.com"}) for _ in range(6)]
    assert [answer.status_code for answer in asked] == [302] * 5 + [429]


def test_a_mail_server_that_is_away_is_not_told_to_who_asks(world, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 1, False
    answer = world.client().post("/accounts/password/reset/", {"email": "bob@example.com"})
    assert answer["Location"] == "/accounts/password/reset/done/"
