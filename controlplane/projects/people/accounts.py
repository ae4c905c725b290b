"""allauth, as this portal has it: accounts are made by administrators, or by those whom they invite."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from controlplane.domain.action import Actor
from controlplane.domain.errors import ActionRefused, InvalidInput, NotAllowed
from controlplane.projects.actions import end_sign_ins, join
from controlplane.projects.people.addresses import address_of, claim, give
from controlplane.projects.people.invitation_links import INVITED, came_by_letter, pending
from controlplane.projects.queries import preferences_of
from controlplane.projects.secrets import encryption
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
        """The account of somebody invited, a member at once.

        Who came by the letter has the address that was invited. Who came by the link on the project's page, which its
        administrators see, too, only claims it.
        """
        invitation = pending(request)
        if invitation is None:
            raise ActionRefused("This invitation has ended. Ask for a new one.")
        account: Any = super().save_user(request, user, form, commit=False)
        account.email = ""
        with transaction.atomic():
            account.save()
            take = give if came_by_letter(request) else claim
            take(account, invitation.email)
            join(invitation, user=account)
        request.session.pop(INVITED, None)
        return account

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """A name that reads like an address would pass for the address of somebody else."""
        if "@" in username:
            raise ValidationError("Choose a user name without @.", code="like_an_address")
        return super().clean_username(username, shallow=shallow)

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """A claim; the address itself is only replaced, and then told."""
        return not email_address.verified

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The letter was followed: the address replaces the one before, which is told."""
        user, told = email_address.user, {"email": email_address.email}
        try:
            before = give(user, email_address.email)
        except ActionRefused:
            self.add_message(request, messages.ERROR, "account/messages/email_confirmation_failed.txt", told)
            return False
        self.add_message(request, messages.SUCCESS, "account/messages/email_confirmed.txt", told)
        self.tell_of_new_address(user, before, email_address.email)
        return True

    def tell_of_new_address(self, user: AbstractBaseUser, before: str, now: str) -> None:
        if before:
            told = {"from_email": before, "to_email": now or "none"}
            self.send_notification_mail("account/email/email_changed", user, told, before)

    def send_notification_mail(
        self, template_prefix: str, user: AbstractBaseUser, context: dict | None = None, email: str | None = None
    ) -> None:
        """To the verified address; what somebody only claims is told nothing of their account."""
        to = email or address_of(user)
        if to:
            super().send_notification_mail(template_prefix, user, context, to)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **given: Any) -> HttpResponse:
        """The browser takes the theme that its person chose."""
        response = super().post_login(request, user, **given)
        chosen = preferences_of(user)
        if not chosen._state.adding:
            remember_theme(response, chosen.theme)
        return response

    def logout(self, request: HttpRequest) -> None:
        """Out of the browser and of every script that signed in with the password; API tokens go on.

        Other than a session that has ended, this is meant: what was typed here is nobody's any more.
        """
        if request.user.is_authenticated:
            end_sign_ins(request.user)
        super().logout(request)
        setattr(request, "has_signed_out", True)  # noqa: B010 - a request has no such attribute for mypy

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Whether the letter left must not show: neither as an error, nor in what the next page says."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            logger.exception("A letter could not be sent", extra={"action": "mail_failed", "letter": template_prefix})


class SessionAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, sessions: Any) -> None:
        """Those on the page, and with them what scripts signed in for."""
        super().end_sessions(sessions)
        end_sign_ins(context.request.user)


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


def find_account(username: str, by: Actor) -> User:
    """The active account of that name. Only who may use the answer learns whether there is one."""
    if not by.may("admin"):
        raise NotAllowed("Add member needs the role admin in this project.")
    account = User.objects.filter(username=username.strip(), is_active=True).first()
    if account is None:
        message = f"There is no account “{username}”. Invite somebody who has none by e-mail."
        raise InvalidInput.field("user", message, "unknown")
    return account
