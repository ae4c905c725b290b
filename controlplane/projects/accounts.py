"""allauth, as this portal has it: accounts are made by administrators, or by those whom they invite."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from controlplane.domain.action import Actor
from controlplane.domain.errors import ActionRefused, InvalidInput, NotAllowed
from controlplane.projects import encryption
from controlplane.projects.actions import accept_invitation
from controlplane.projects.links import INVITED, has_account, pending
from controlplane.projects.queries import preferences_of
from controlplane.ui.context import remember_theme

logger = logging.getLogger(__name__)
# What of an authenticator opens an account.
SEALED = ("secret", "seed")
BOUND_TO = "second-factor"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return pending(request) is not None

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        """The account of somebody invited: it has the address that was invited, and is a member at once."""
        invitation = pending(request)
        if invitation is None:
            raise ActionRefused("This invitation has ended. Ask for a new one.")
        if has_account(invitation):
            raise ActionRefused(f"There is an account of {invitation.email}. Sign in with it to accept the invitation.")
        account: Any = super().save_user(request, user, form, commit=False)
        account.email = invitation.email
        with transaction.atomic():
            account.save()
            accept_invitation(invitation, user=account)
        request.session.pop(INVITED, None)
        return account

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **given: Any) -> HttpResponse:
        """The browser takes the theme that its person chose."""
        response = super().post_login(request, user, **given)
        chosen = preferences_of(user)
        if not chosen._state.adding:
            remember_theme(response, chosen.theme)
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Whether the letter left must not show: neither as an error, nor in what the next page says."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            logger.exception("A letter could not be sent", extra={"action": "mail_failed", "letter": template_prefix})


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of authenticators are sealed like those of projects."""

    def encrypt(self, text: str) -> str:
        return encryption.seal(text, bound_to=BOUND_TO) if settings.SECRETS_KEYS else text

    def decrypt(self, encrypted_text: str) -> str:
        return opened(encrypted_text)

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}"


def opened(text: str) -> str:
    """What `encrypt` sealed; what was stored before it did, which has no key id, as it is."""
    return encryption.unseal(text, bound_to=BOUND_TO) if ":" in text else text


def rotate_second_factors() -> int:
    """Seal every authenticator's secrets anew with the first configured key. Returns how many changed."""
    changed = 0
    for device in Authenticator.objects.iterator():
        held = {name: device.data[name] for name in SEALED if device.data.get(name)}
        old = {name: text for name, text in held.items() if not encryption.is_current(text)}
        new = {name: encryption.seal(opened(text), bound_to=BOUND_TO) for name, text in old.items()}
        if new:
            rows = Authenticator.objects.filter(pk=device.pk, data=device.data)
            changed += rows.update(data={**device.data, **new})
    return changed


def find_account(username: str, by: Actor) -> AbstractBaseUser:
    """The active account of that name. Only who may use the answer learns whether there is one."""
    if not by.may("admin"):
        raise NotAllowed("Add member needs the role admin in this project.")
    account = get_user_model().objects.filter(username=username.strip(), is_active=True).first()
    if account is None:
        message = f"There is no account “{username}”. Invite somebody who has none by e-mail."
        raise InvalidInput.field("user", message, "unknown")
    return account
