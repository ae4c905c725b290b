"""How an API request proves who sends it: our tokens, JWT from /auth/token, or the browser's session."""

from __future__ import annotations

import hmac
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authentication import SessionAuthentication as DRFSessionAuthentication
from rest_framework_simplejwt.authentication import JWTAuthentication as SimpleJWTAuthentication

from controlplane.projects.actions import hash_secret
from controlplane.projects.models import ApiToken, SignIn
from controlplane.projects.tenants.actors import Access

PREFIX = "sp_"
# In every JWT: the id of its SignIn.
SIGN_IN_CLAIM = "sign_in"


def find_token(text: str) -> ApiToken | None:
    """The live token that `text` (sp_PREFIX_SECRET) is, or None. Notes its use, at most once a minute."""
    prefix, _, secret = text.removeprefix(PREFIX).partition("_")
    token = ApiToken.objects.with_owner().one_or_none(prefix=prefix) if prefix.isalnum() else None
    if token is None or not hmac.compare_digest(token.secret_hash, hash_secret(secret)):
        return None
    if not token.is_live or not token.created_by.is_active:
        return None
    minute_ago = timezone.now() - timedelta(minutes=1)
    stale = Q(last_used_at=None) | Q(last_used_at__lt=minute_ago)
    if token.last_used_at is None or token.last_used_at < minute_ago:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=timezone.now())
    return token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer sp_…`."""

    def authenticate(self, request):
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not text.startswith(PREFIX):
            return None
        token = find_token(text.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown, revoked or expired.")
        request._request.access = Access.of_token(token)
        return token.created_by, token

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="api"'


class JWTAuthentication(SimpleJWTAuthentication):
    """`Authorization: Bearer` with a token from POST /api/v1/auth/token."""

    def authenticate(self, request):
        answer = super().authenticate(request)
        if answer is not None:
            request._request.access = Access.of_user(answer[0])
        return answer

    def get_user(self, validated_token):
        user = super().get_user(validated_token)
        if not SignIn.objects.live().filter(pk=validated_token.get(SIGN_IN_CLAIM), user=user).exists():
            raise exceptions.AuthenticationFailed("This sign-in was ended. Sign in again.", code="ended")
        return user


class SessionAuthentication(DRFSessionAuthentication):
    """The browser's session, with CSRF protection; answers 401 when there is none."""

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="api"'
