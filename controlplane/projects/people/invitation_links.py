"""The signed links of an invitation: what stands in them, how they are sent, and whom they brought here.

The one in the letter shows that its reader has the address. The one on the project's page shows nothing of the kind.
"""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

from controlplane.projects.models import Invitation

PAGE, LETTER = "invitation", "invitation by letter"
# The link that this browser came with, in its session.
INVITED = "invitation"


def key_of(invitation: Invitation, way: str = PAGE) -> str:
    return signing.dumps(invitation.pk, salt=way)


def find_invitation(key: str) -> Invitation | None:
    """The open invitation that `key` was made for."""
    pk = opened(key, PAGE) or opened(key, LETTER)
    return Invitation.objects.open().select_related("project", "created_by").one_or_none(pk=pk)


def opened(key: str, way: str) -> int | None:
    try:
        return signing.loads(key, salt=way)
    except signing.BadSignature:
        return None


def link_of(request: HttpRequest, invitation: Invitation, way: str = PAGE) -> str:
    return request.build_absolute_uri(f"{reverse('invitation')}?key={key_of(invitation, way)}")


def send_invitation(request: HttpRequest, invitation: Invitation) -> None:
    """By letter. The page shows another link, too, for when no letter arrives."""
    context = {"invitation": invitation, "url": link_of(request, invitation, LETTER)}
    get_adapter(request).send_mail("account/email/invitation", invitation.email, context)


def pending(request: HttpRequest) -> Invitation | None:
    """The open invitation that this browser came with."""
    return find_invitation(request.session.get(INVITED, ""))


def came_by_letter(request: HttpRequest) -> bool:
    return opened(request.session.get(INVITED, ""), LETTER) is not None
