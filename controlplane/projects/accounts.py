"""allauth, closed: administrators make accounts."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser

from controlplane.domain.action import Actor
from controlplane.domain.errors import InvalidInput, NotAllowed


class ClosedAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        return False


def find_account(username: str, by: Actor) -> AbstractBaseUser:
    """The active account of that name. Only who may use the answer learns whether there is one."""
    if not by.may("admin"):
        raise NotAllowed("Add member needs the role admin in this project.")
    account = get_user_model().objects.filter(username=username.strip(), is_active=True).first()
    if account is None:
        raise InvalidInput.field(
            "user", f"There is no account “{username}”. An administrator makes accounts.", "unknown"
        )
    return account
