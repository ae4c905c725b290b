"""E-mail addresses that count: those whose letter was followed, or that an administrator of the installation set.

What somebody only claims is theirs finds no account, keeps nobody else from it, and gets no letters but the one that
asks. `User.email` repeats the verified address for display; nothing is ever looked up by it.
"""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from controlplane.domain.errors import ActionRefused


class AddressBackend(AuthenticationBackend):
    """Signs in by user name or verified address. Nothing that comes after it in the settings is asked."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        user = super().authenticate(request, **credentials)
        if user is None and credentials.get("password"):
            raise PermissionDenied
        return user

    def _authenticate_by_email(self, email: str, password: str) -> AbstractBaseUser | None:
        return self._check_password(owner_of(email), password)


def owner_of(email: str) -> AbstractBaseUser | None:
    """The account that has this address, verified; upper and lower case are the same."""
    found = EmailAddress.objects.filter(email=email.strip().lower(), verified=True).select_related("user").first()
    return found.user if found else None


def address_of(user: AbstractBaseUser) -> str:
    """Their verified address, or empty."""
    found = EmailAddress.objects.filter(user_id=user.pk, verified=True).order_by("-primary", "pk").first()
    return found.email if found else ""


def claim(user: AbstractBaseUser, email: str) -> EmailAddress:
    """`email` until its letter is followed; an earlier claim of theirs ends."""
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=user.pk)
        EmailAddress.objects.filter(user_id=user.pk, verified=False).delete()
        return EmailAddress.objects.create(user_id=user.pk, email=email.strip().lower())


def give(user: AbstractBaseUser, email: str) -> str:
    """`email` (empty: none) is their only address from now on, and verified; the one before, or empty.

    Raises ActionRefused when another account has it.
    """
    email, before = email.strip().lower(), address_of(user)
    try:
        with transaction.atomic():
            get_user_model().objects.select_for_update().get(pk=user.pk)
            EmailAddress.objects.filter(user_id=user.pk).delete()
            if email:
                EmailAddress.objects.create(user_id=user.pk, email=email, verified=True, primary=True)
            get_user_model().objects.filter(pk=user.pk).update(email=email)
    except IntegrityError as error:
        raise ActionRefused(f"There is an account of {email} already.") from error
    user.email = email  # type: ignore[attr-defined]
    return before if before != email else ""
