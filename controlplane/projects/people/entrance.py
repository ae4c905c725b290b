"""allauth's forms, as far as they look at addresses: only verified ones count."""

from __future__ import annotations

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from controlplane.projects.people.addresses import address_of, claim, owner_of


class SignUpForm(forms.SignupForm):
    def save(self, request: HttpRequest) -> AbstractBaseUser:
        """The account; when it only claims the address that was invited, the letter that asks leaves, too."""
        adapter = get_adapter(request)
        user = adapter.save_user(request, adapter.new_user(request), self)
        claimed = EmailAddress.objects.filter(user_id=user.pk, verified=False).first()
        if claimed:
            send_verification_email_to_address(request, claimed)
        return user


class ResetForm(forms.ResetPasswordForm):
    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        owner = owner_of(email)
        self.users = [owner] if owner and owner.is_active else []
        return email


class AddressForm(forms.AddEmailForm):
    """It replaces the address there is once its letter was followed. Whether others have it is not told."""

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if email == address_of(self.user):
            raise get_adapter().validation_error("duplicate_email")
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        claimed = claim(self.user, self.cleaned_data["email"])
        send_verification_email_to_address(request, claimed)
        return claimed
