"""Passwords for tokens: what POST /auth/token does, with the same limits on wrong tries as the sign-in page.

Each sign-in is a row that its tokens name. Without the row they are worth nothing, access tokens as well: it goes when
the person signs out, or ends the sign-in or all sessions, and counts no more once a second factor is switched on.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken

from controlplane.projects.models import SignIn
from controlplane.projects.tokens.authentication import SIGN_IN_CLAIM, JWTAuthentication

WINDOW_SECONDS = 300


def sign_in(request: HttpRequest, *, username: str, password: str, code: str = "") -> dict[str, str]:
    """`{"access", "refresh"}`. Raises AuthenticationFailed or, after too many wrong tries, Throttled.

    Who has two-factor sign-in needs `code`, too: a password alone must not get past it here.
    """
    limits, started = get_adapter(request), timezone.now()
    try:
        limits.pre_authenticate(request, username=username)
    except ValidationError as error:
        raise Throttled(wait=WINDOW_SECONDS, detail="Too many wrong tries. Wait five minutes.") from error
    user = authenticate(request, username=username, password=password)
    if user is None or not code_fits(user, code):
        raise AuthenticationFailed("The user name, password or code is wrong.")
    limits._rollback_login_failed_rl_usage()
    return tokens_for(
        user,
        SignIn.objects.create(
            user=user,
            created_at=started,
            expires_at=started + api_settings.REFRESH_TOKEN_LIFETIME,
            ip=limits.get_client_ip(request),
            user_agent=request.headers.get("User-Agent", "").replace("\x00", "")[:200],
        ),
    )


def code_fits(user: AbstractBaseUser, code: str) -> bool:
    """True without two-factor sign-in, else when one of the person's devices accepts `code`.

    A passkey knows no codes: who has nothing else sends a recovery code.
    """
    devices = list(Authenticator.objects.filter(user=user))
    with_codes = [device for device in devices if device.type != Authenticator.Type.WEBAUTHN]
    return not devices or any(device.wrap().validate_code(code) for device in with_codes)


def tokens_for(user: AbstractBaseUser, row: SignIn) -> dict[str, str]:
    refresh = RefreshToken.for_user(user)
    refresh[SIGN_IN_CLAIM] = row.pk
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def renew(text: str) -> dict[str, str]:
    """A new access token for a refresh token, as long as its sign-in is live, and its person active."""
    refresh = opened(text)
    SignIn.objects.filter(pk=refresh[SIGN_IN_CLAIM]).update(renewed_at=timezone.now())
    return {"access": str(refresh.access_token), "refresh": text}


def sign_out(text: str) -> None:
    """End the sign-in of this refresh token. Raises AuthenticationFailed when it has ended already."""
    SignIn.objects.filter(pk=opened(text)[SIGN_IN_CLAIM]).delete()


def opened(text: str) -> RefreshToken:
    given: Any = text
    try:
        refresh = RefreshToken(given)
        JWTAuthentication().get_user(refresh)
    except (TokenError, get_user_model().DoesNotExist) as error:
        raise AuthenticationFailed("This refresh token is not valid any more. Sign in again.") from error
    return refresh


def forget_old_sign_ins() -> int:
    """Delete those that have run out; how many."""
    return SignIn.objects.filter(expires_at__lte=timezone.now()).delete()[0]
