"""The signed link of an invitation: what stands in it, how it is sent, and whom it brought here."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.contrib.auth import get_user_model
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from controlplane.projects.models import Invitation

SALT = "invitation"
# The link that this browser came with, in its session.
INVITED = "invitation"


def key_of(invitation: Invitation) -> str:
    return signing.dumps(invitation.pk, salt=SALT)


def find_invitation(key: str) -> Invitation | None:
    """The open invitation that `key` was made for."""
    try:
        pk = signing.loads(key, salt=SALT)
    except signing.BadSignature:
        return None
    return Invitation.objects.open().select_related("project", "created_by").one_or_none(pk=pk)


def link_of(request: HttpRequest, invitation: Invitation) -> str:
    return request.build_absolute_uri(f"{reverse('invitation')}?key={key_of(invitation)}")


def send_invitation(request: HttpRequest, invitation: Invitation) -> None:
    """By letter, once the invitation is stored. The page shows the link, too, for when no letter arrives."""
    context = {"invitation": invitation, "url": link_of(request, invitation)}
    adapter = get_adapter(request)
    transaction.on_commit(lambda: adapter.send_mail("account/email/invitation", invitation.email, context), robust=True)


def pending(request: HttpRequest) -> Invitation | None:
    """The open invitation that this browser came with."""
    return find_invitation(request.session.get(INVITED, ""))


def has_account(invitation: Invitation) -> bool:
    """Whether the address has an account already, to accept with."""
    return get_user_model().objects.filter(email__iexact=invitation.email).exists()
