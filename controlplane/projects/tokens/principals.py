"""Who holds a socket, and whether they still may: sockets outlive sessions, tokens and memberships."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings as jwt_settings
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from controlplane.projects.models import ApiToken, Member, SignIn
from controlplane.projects.people.sessions import SessionStore
from controlplane.projects.tenants.actors import Access
from controlplane.projects.tokens.authentication import PREFIX, SIGN_IN_CLAIM, find_token

User = get_user_model()


@dataclass(frozen=True)
class Principal:
    """A person by session or JWT, or a token. `expires_at` is in seconds since 1970."""

    user_id: int
    session_key: str = field(default="", repr=False)
    session_hash: str = field(default="", repr=False)
    token_id: int = 0
    password_mark: str = field(default="", repr=False)
    sign_in_id: int = 0
    expires_at: float = math.inf

    def visible_project_ids(self) -> list[int]:
        """The ids of all projects they may see."""
        if self.token_id:
            return Access.of_token(ApiToken.objects.with_owner().get(pk=self.token_id)).project_ids
        return Access.of_user(User.objects.get(pk=self.user_id)).project_ids


class Standing(IntEnum):
    """What a principal is in a project. The values are the codes that sockets are closed with."""

    MEMBER = 0
    SIGNED_OUT = 4401
    NOT_A_MEMBER = 4403


def by_authorization(header: str) -> Principal | None:
    """Who `Authorization: Bearer sp_…` or a JWT speaks for; None when it is worth nothing."""
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        return None
    if text.startswith(PREFIX):
        token = find_token(text)
        return Principal(token.created_by_id, token_id=token.pk) if token else None
    given: Any = text
    try:
        claims = AccessToken(given)
        mark = claims[jwt_settings.REVOKE_TOKEN_CLAIM]
        user_id, sign_in_id = int(claims[jwt_settings.USER_ID_CLAIM]), int(claims[SIGN_IN_CLAIM])
        return Principal(user_id, password_mark=mark, sign_in_id=sign_in_id, expires_at=claims["exp"])
    except (TokenError, KeyError, ValueError):
        return None


def by_cookies(header: str) -> Principal | None:
    """Who the browser's session speaks for. `standing` is what tells whether the session still counts."""
    key = parse_cookie(header).get(settings.SESSION_COOKIE_NAME)
    if not key or "\x00" in key:
        return None
    session = SessionStore.of_cookie(key)
    user_id, session_hash = session.get(SESSION_KEY), session.get(HASH_SESSION_KEY)
    if not user_id or not session_hash:
        return None
    return Principal(int(user_id), session_key=session.session_key or "", session_hash=session_hash)


def standing(pairs: Iterable[tuple[Principal, int]]) -> dict[tuple[Principal, int], Standing]:
    """For each (principal, project id): may they still see it? One query for all of them, one more for all JWTs."""
    pairs = list(pairs)
    ended = ended_sign_ins({p.sign_in_id for p, _ in pairs if p.sign_in_id})
    wanted = [(p.user_id, project_id, p.session_key, p.token_id) for p, project_id in pairs]
    with connection.cursor() as sql:
        sql.execute(STANDING, [list(column) for column in zip(*wanted, strict=True)] if wanted else [[], [], [], []])
        facts = {n - 1: Facts(*rest) for n, *rest in sql.fetchall()}
    lost = {number for number, (p, _) in enumerate(pairs) if p.sign_in_id in ended}
    return {pair: judge(pair[0], None if n in lost else facts.get(n)) for n, pair in enumerate(pairs)}


def ended_sign_ins(ids: set[int]) -> set[int]:
    """Those of `ids` that are signed out or have run out."""
    return ids - set(SignIn.objects.live().filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()


@dataclass(frozen=True)
class Facts:
    is_active: bool
    password: str
    credential_lives: bool
    is_member: bool


def judge(principal: Principal, facts: Facts | None) -> Standing:
    """`facts` is None for an account that is gone."""
    if facts is None or not facts.is_active or not facts.credential_lives or principal.expires_at <= time.time():
        return Standing.SIGNED_OUT
    if not same_password(principal, facts.password):
        return Standing.SIGNED_OUT
    return Standing.MEMBER if facts.is_member else Standing.NOT_A_MEMBER


def same_password(principal: Principal, password: str) -> bool:
    """A new password ends every session and JWT that was opened with the old one. API tokens live on."""
    if principal.password_mark:
        return constant_time_compare(principal.password_mark, get_md5_hash_password(password))
    if not principal.session_key:
        return True
    user = User(password=password)
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(principal.session_hash, each) for each in hashes)


STANDING = f"""
    SELECT asked.n, person.is_active, person.password,
           (asked.session_key = '' OR coalesce(session.expire_date > now(), false))
               AND (asked.token_id = 0 OR coalesce(token.revoked_at IS NULL AND token.expires_at > now(), false)),
           (person.is_superuser OR member.id IS NOT NULL)
               AND (asked.token_id = 0 OR coalesce(token.project_id = asked.project_id, false))
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
             WITH ORDINALITY AS asked(user_id, project_id, session_key, token_id, n)
    JOIN {User._meta.db_table} person ON person.id = asked.user_id
    LEFT JOIN {Session._meta.db_table} session ON session.session_key = asked.session_key
    LEFT JOIN {ApiToken._meta.db_table} token ON token.id = asked.token_id
    LEFT JOIN {Member._meta.db_table} member
           ON member.user_id = asked.user_id AND member.project_id = asked.project_id
"""  # noqa: S608
