"""Tokens of scripts that signed in with a password: seen, ended, and gone with what they stand for."""

from __future__ import annotations

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from rest_framework.test import APIClient

from controlplane.projects.models import SignIn
from controlplane.projects.tokens import principals
from controlplane.projects.tokens.principals import Standing
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"


class Script:
    """Signed in over the API."""

    def __init__(self, name: str = "bob", **headers: str) -> None:
        body = {"username": name, "password": PASSWORD}
        self.tokens = APIClient().post("/api/v1/auth/token", body, **headers).json()
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.tokens['access']}")

    @property
    def works(self) -> tuple[int, int]:
        """What its access token and its refresh token are answered with."""
        renewed = APIClient().post("/api/v1/auth/refresh", {"refresh": self.tokens["refresh"]})
        return self.client.get("/api/v1/me").status_code, renewed.status_code

    def standing(self, world) -> Standing:
        """What a socket opened with it would be told within two seconds."""
        principal = principals.by_authorization(f"Bearer {self.tokens['access']}")
        return principals.standing([(principal, world.acme.pk)])[(principal, world.acme.pk)]


def browser(world, name="bob"):
    client = world.client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


def sign_out(world, client, script) -> None:
    client.post("/accounts/logout/")


def end_all_on_the_page(world, client, script) -> None:
    client.post("/accounts/sessions/")


def end_all_by_api(world, client, script) -> None:
    client.delete("/api/v1/me/sessions")


def end_one_on_the_page(world, client, script) -> None:
    client.post("/account/sessions/end", {"sign_in": SignIn.objects.get(user=world.bob).pk})


def end_one_by_api(world, client, script) -> None:
    [row] = client.get("/api/v1/me/sessions").json()["sign_ins"]
    client.delete(f"/api/v1/me/sessions?sign_in={row['id']}")


def sign_out_by_api(world, client, script) -> None:
    APIClient().post("/api/v1/auth/sign-out", {"refresh": script.tokens["refresh"]})


def switch_a_factor_on(world, client, script) -> None:
    TOTP.activate(world.bob, SECRET)


ENDS = [
    sign_out,
    end_all_on_the_page,
    end_all_by_api,
    end_one_on_the_page,
    end_one_by_api,
    sign_out_by_api,
    switch_a_factor_on,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_both_tokens_end_at_once_and_sockets_with_them(world, end):
    script, other, client = Script(), Script("vera"), browser(world)
    assert (script.works, script.standing(world)) == ((200, 200), Standing.MEMBER)
    end(world, client, script)
    assert (script.works, script.standing(world)) == ((401, 401), Standing.SIGNED_OUT)
    assert (other.works, other.standing(world)) == ((200, 200), Standing.MEMBER)


def test_signing_out_of_the_admin_ends_them_too(world):
    type(world.bob).objects.filter(pk=world.bob.pk).update(is_staff=True)
    script, client = Script(), browser(world)
    client.post("/admin/logout/")
    assert script.works == (401, 401)


def test_a_script_ends_all_others_and_goes_on(world):
    one, two, client = Script(), Script(), browser(world)
    assert one.client.delete("/api/v1/me/sessions").status_code == 204
    assert (one.works, two.works) == ((200, 200), (401, 401))
    assert client.get("/account/").status_code == 302


def test_the_page_shows_where_scripts_signed_in(world):
    Script(HTTP_USER_AGENT="nightly-script/1")
    Script("vera", HTTP_USER_AGENT="veras-script/1")
    page = browser(world).get("/accounts/sessions/").content.decode()
    assert "nightly-script/1" in page
    assert "veras-script/1" not in page


def test_nobody_ends_those_of_others(world):
    script = Script()
    pk, vera = SignIn.objects.get().pk, browser(world, "vera")
    assert vera.post("/account/sessions/end", {"sign_in": pk}).status_code == 404
    assert vera.delete(f"/api/v1/me/sessions?sign_in={pk}").status_code == 404
    assert script.works == (200, 200)


def test_new_recovery_codes_end_nothing_and_the_sign_in_after_a_factor_works(world):
    TOTP.activate(world.bob, SECRET)
    code = RecoveryCodes.activate(world.bob).get_unused_codes()[0]
    body = {"username": "bob", "password": PASSWORD, "code": code}
    access = APIClient().post("/api/v1/auth/token", body).json()["access"]
    RecoveryCodes.activate(world.bob)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/api/v1/me").status_code == 200


def test_no_token_stands_in_the_database(world):
    tokens = Script().tokens
    with connection.cursor() as sql:
        sql.execute("SELECT row_to_json(one)::text FROM projects_signin one")
        [(row,)] = sql.fetchall()
    assert not any(text in row for text in tokens.values())
