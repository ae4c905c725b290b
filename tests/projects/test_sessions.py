"""Sessions at rest: what the database holds opens no session, and shows nothing of what is in one."""

from __future__ import annotations

from importlib import import_module

import pytest
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection

from controlplane.projects.people.sessions import SessionStore, name_of
from tests.projects.test_secrets import new_key
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'ARRAY')
"""


def places_with(text: str) -> list[str]:
    """Every column of the database in which `text` stands."""
    found = []
    with connection.cursor() as sql:
        sql.execute(COLUMNS)
        for table, column in sql.fetchall():
            sql.execute(f'SELECT 1 FROM "{table}" WHERE strpos("{column}"::text, %s) > 0 LIMIT 1', [text])
            found += [f"{table}.{column}"] if sql.fetchone() else []
    return sorted(found)


def signed_in(world, name="bob"):
    client = world.client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


def with_cookie(world, value: str):
    client = world.client()
    client.cookies["sessionid"] = value
    return client


def test_the_cookie_stands_nowhere_in_the_database(world):
    client = signed_in(world)
    cookie = client.cookies["sessionid"].value
    assert client.get("/p/acme/").status_code == 200
    client.get("/accounts/sessions/")
    assert places_with(cookie) == []
    assert places_with(name_of(cookie)) == ["django_session.session_key", "usersessions_usersession.session_key"]


def test_what_the_database_holds_opens_nothing(world):
    signed_in(world)
    stolen = [Session.objects.get().session_key, UserSession.objects.get().session_key]
    assert [with_cookie(world, key).get("/p/acme/").status_code for key in stolen] == [302, 302]
    assert [with_cookie(world, key).get("/api/v1/me").status_code for key in stolen] == [401, 401]


def test_signing_in_changes_the_cookie_and_signing_out_ends_the_session(world):
    client = world.client()
    client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    before = client.cookies["sessionid"].value
    client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    after = client.cookies["sessionid"].value
    assert before != after
    assert with_cookie(world, before).get("/p/acme/").status_code == 302
    client.post("/accounts/logout/")
    assert with_cookie(world, after).get("/p/acme/").status_code == 302
    assert not Session.objects.exists()


def test_a_new_password_keeps_this_session_under_a_new_cookie(world):
    client = signed_in(world)
    before = client.cookies["sessionid"].value
    new = {"oldpassword": PASSWORD, "password1": "another-horse-battery", "password2": "another-horse-battery"}
    client.post("/accounts/password/change/", new)
    assert client.get("/p/acme/").status_code == 200
    assert with_cookie(world, before).get("/p/acme/").status_code == 302
    client.get("/accounts/sessions/")
    assert UserSession.objects.get().session_key == name_of(client.cookies["sessionid"].value)


def test_nobody_reads_what_a_session_holds(world):
    client = signed_in(world)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session[SECRET_SESSION_KEY]
    assert places_with(secret) == []
    client.post("/accounts/password/reset/", {"email": "vera@example.com"})
    link = next(word for word in mail.outbox[-1].body.split() if "/password/reset/key/" in word)
    reader = world.client()
    reader.get(link.removeprefix("http://testserver"))
    key = reader.session["_password_reset_key"]
    assert key in link
    assert key not in str([DjangoStore().decode(row.session_data) for row in Session.objects.all()])
    assert places_with(key) == []


def test_a_session_copied_into_another_is_worth_nothing(world):
    alice, bob = signed_in(world, "alice"), signed_in(world, "bob")
    rows = {name: name_of(client.cookies["sessionid"].value) for name, client in {"alice": alice, "bob": bob}.items()}
    theirs = Session.objects.get(pk=rows["alice"]).session_data
    Session.objects.filter(pk=rows["bob"]).update(session_data=theirs)
    assert bob.get("/p/acme/").status_code == 302
    assert alice.get("/p/acme/").status_code == 200


def test_sessions_of_before_go_on_after_the_migration(world):
    """As Django's own engine kept them: the cookie is the name of the row, and the content is signed only."""
    client = signed_in(world)
    content = dict(client.session.items())
    Session.objects.all().delete()
    old = DjangoStore()
    old.update(content)
    old.create()
    old.update(content)
    old.save()
    UserSession.objects.update(session_key=old.session_key)
    migration = import_module("controlplane.projects.migrations.0005_hash_the_keys_of_sessions").Migration
    with connection.cursor() as sql:
        for statement in migration.operations[0].sql:
            sql.execute(statement)
    assert with_cookie(world, old.session_key).get("/p/acme/").status_code == 200
    assert places_with(old.session_key) == []
    assert UserSession.objects.get().session_key == Session.objects.get().session_key == name_of(old.session_key)


def test_sessions_outlive_the_key_they_were_sealed_with(world, settings):
    client = signed_in(world)
    settings.SECRETS_KEYS = [new_key("next"), *settings.SECRETS_KEYS]
    call_command("rotate_secrets", verbosity=0)
    settings.SECRETS_KEYS = settings.SECRETS_KEYS[:1]
    assert client.get("/p/acme/").status_code == 200
    settings.SECRETS_KEYS = [new_key("lost")]
    assert client.get("/p/acme/").status_code == 302


def test_the_row_alone_is_what_other_code_sees():
    store = SessionStore()
    store.create()
    assert store.session_key == name_of(store.cookie)
    assert not SessionStore(store.cookie).exists(store.cookie)


@pytest.mark.parametrize("path", ["/p/acme/runs/", "/account/sessions/", "/no-such-page"])
def test_no_cache_keeps_the_pages_of_a_person(world, path):
    """Else the Back button shows them to whoever sits there next."""
    kept = signed_in(world).get(path)["Cache-Control"].split(", ")
    assert {"private", "no-store"} <= set(kept)
