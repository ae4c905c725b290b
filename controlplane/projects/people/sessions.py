"""Browser sessions in the database: who reads the table holds no cookie, and learns nothing of what is in a session.

A row is named by a hash of the cookie. So `session_key`, which other code stores, compares and logs, opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from controlplane.projects.secrets import encryption

# As wide as Django's column: 240 bits of SHA-256.
NAME_LENGTH = 40


def name_of(cookie: str) -> str:
    """The name of the row that `cookie` opens. Migration 0005 says the same in SQL."""
    return base64.urlsafe_b64encode(hashlib.sha256(cookie.encode()).digest()).decode()[:NAME_LENGTH]


class SessionStore(DatabaseStore):
    """`session_key` names the row; `cookie` is what the browser sends, known only where it came in or was made."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.cookie = ""

    @classmethod
    def of_cookie(cls, cookie: str | None) -> SessionStore:
        store = cls(name_of(cookie) if cookie else None)
        store.cookie = cookie or ""
        return store

    def _get_new_session_key(self) -> str:
        self.cookie = secrets.token_urlsafe(32)
        return name_of(self.cookie)

    async def _aget_new_session_key(self) -> str:
        return self._get_new_session_key()

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Sealed: for a while it holds the key of a reset letter, or the secret of a second factor that is being added.

        Bound to its row: copied into another session it is worth nothing.
        """
        text = super().encode(session_dict)
        return encryption.seal(text, bound_to=self.place) if settings.SECRETS_KEYS else text

    def decode(self, session_data: Any) -> dict[str, Any]:
        """Empty when no configured key opens it. What was stored before sessions were sealed is signed only."""
        is_sealed = session_data.count(":") == 1
        try:
            return super().decode(encryption.unseal(session_data, bound_to=self.place) if is_sealed else session_data)
        except (encryption.Unreadable, ValueError):
            return {}

    @property
    def place(self) -> str:
        return f"session:{self.session_key}"


class SessionMiddleware(DjangoMiddleware):
    """Django's takes the name of the row for the cookie."""

    def process_request(self, request: HttpRequest) -> None:
        request.session = SessionStore.of_cookie(request.COOKIES.get(settings.SESSION_COOKIE_NAME))

    def process_response(self, request: Any, response: Any) -> HttpResponse:
        answer = super().process_response(request, response)
        written = answer.cookies.get(settings.SESSION_COOKIE_NAME)
        # Empty where the cookie is deleted.
        if written and written.value:
            written.set(settings.SESSION_COOKIE_NAME, request.session.cookie, request.session.cookie)
        return answer


def seal_sessions_anew() -> int:
    """Seal every live session with the first configured key. Returns how many changed."""
    changed, sessions = 0, DatabaseStore.get_model_class().objects
    for row in sessions.iterator():
        if encryption.is_current(row.session_data):
            continue
        store = SessionStore(row.session_key)
        content = store.decode(row.session_data)
        if content:
            rows = sessions.filter(pk=row.pk, session_data=row.session_data)
            changed += rows.update(session_data=store.encode(content))
    return changed


def forget_old_sessions() -> int:
    """Delete those that have run out; how many."""
    return DatabaseStore.get_model_class().objects.filter(expire_date__lte=timezone.now()).delete()[0]
