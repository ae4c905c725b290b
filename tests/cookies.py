"""Django's test client takes the name of a session's row for its cookie; ours is stored as a hash only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.test.client import ClientMixin

from controlplane.projects.people.sessions import SessionStore

login_cookies = ClientMixin._set_login_cookies


def session(client: Any) -> SessionStore:
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    if cookie:
        return SessionStore.of_cookie(cookie.value)
    made = SessionStore()
    made.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = made.cookie
    return made


def set_login_cookies(client: Any, request: Any) -> None:
    login_cookies(client, request)
    name, cookie = settings.SESSION_COOKIE_NAME, request.session.cookie
    client.cookies[name].set(name, cookie, cookie)


def use_cookies() -> None:
    ClientMixin.session = property(session)
    ClientMixin._set_login_cookies = set_login_cookies
