"""Accounts in the Django admin, for superusers: they vouch for the addresses that they write, and see no secret."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from controlplane.projects.people.addresses import give, owner_of
from controlplane.projects.tenants.staff import NothingByHand, ReadOnly

for model in (User, EmailAddress, Authenticator):
    admin.site.unregister(model)


class AccountForm(UserChangeForm):
    email = forms.EmailField(required=False, help_text="It counts at once: you vouch that it is theirs.")

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        owner = owner_of(email) if email else None
        if owner is not None and owner.pk != self.instance.pk:
            raise ValidationError(f"{owner} has this address.", code="taken")
        return email


@admin.register(User)
class AccountAdmin(UserAdmin):
    form = AccountForm

    def save_model(self, request: HttpRequest, account: Any, form: Any, change: bool) -> None:
        super().save_model(request, account, form, change)
        if "email" in form.changed_data:
            before = give(account, account.email)
            get_adapter(request).tell_of_new_address(account, before, account.email)


@admin.register(EmailAddress)
class AddressAdmin(ReadOnly):
    """Verified ones, and what accounts claim. An address is written on the account's page."""

    list_display = ("email", "user", "verified")
    list_filter = ("verified",)
    list_select_related = ("user",)
    search_fields = ("email", "user__username")


@admin.register(Authenticator)
class FactorAdmin(ReadOnly):
    """Who lost theirs is helped by deleting them; nobody sees or writes what is in one."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super(NothingByHand, self).has_delete_permission(request, obj)
