"""Invite by address, accept, withdraw."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.domain.errors import ActionRefused, NotAllowed
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal
from controlplane.projects import events
from controlplane.projects.actions.checking import checked, known_role, one_at_a_time, taken
from controlplane.projects.actions.tenants import add_member
from controlplane.projects.models import (
    OPEN,
    Invitation,
    Member,
    Project,
    Role,
)
from controlplane.projects.tenants.actors import Actor

INVITATION_DAYS = 7

INVITATION_ENDED = Refusal(~OPEN, "This invitation has ended already.")


@action(label="Invite", role="admin")
def invite_member(project: Project, *, email: str, role: str, by: Actor) -> Invitation:
    """An open invitation for INVITATION_DAYS; one that the address had in this project ends."""
    known_role(role)
    if by.kind == "token" or by.user_id is None:
        raise NotAllowed("A token cannot invite. Sign in to invite.")
    email = email.strip().lower()
    one_at_a_time(project)
    if Member.objects.filter(
        project=project, user__emailaddress__email=email, user__emailaddress__verified=True
    ).exists():
        raise taken("email", f"{email} is a member already.")
    Invitation.objects.open().filter(project=project, email=email).update(revoked_at=timezone.now())
    ends = timezone.now() + timedelta(days=INVITATION_DAYS)
    invitation = Invitation(project=project, email=email, role=role, created_by_id=by.user_id, expires_at=ends)
    checked(invitation).save(force_insert=True)
    record(events.MEMBER_INVITED, project, by=by, user=email, role=role)
    return invitation


@action(
    label="Withdraw", role="admin", confirm="Withdraw the invitation of {subject}?", tone="danger",
    refused_when=(INVITATION_ENDED,),
)  # fmt: skip
def revoke_invitation(invitation: Invitation, *, by: Actor) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())
    record(events.INVITATION_REVOKED, invitation.project, by=by, user=invitation.email)


def accept_invitation(invitation: Invitation, *, user: User) -> Member:
    """`user` becomes a member, if the address that was invited is verified to be theirs, and as in `join`."""
    if not EmailAddress.objects.filter(user_id=user.pk, email=invitation.email, verified=True).exists():
        raise ActionRefused(
            f"This invitation is for {invitation.email}. Sign in with the account that has confirmed that address; "
            "you confirm yours on your profile."
        )
    return join(invitation, user=user)


def join(invitation: Invitation, *, user: User) -> Member:
    """`user` becomes a member, if the invitation is still open, and from somebody who still may invite."""
    if not may_invite(invitation):
        raise ActionRefused("Who invited you cannot do so any more. Ask for a new invitation.")
    with transaction.atomic():
        if not Invitation.objects.open().filter(pk=invitation.pk).update(accepted_at=timezone.now()):
            raise ActionRefused("This invitation has ended. Ask for a new one.")
        by = Actor(user.get_username(), "admin", invitation.project_id, user.pk)
        return add_member(invitation.project, user=user, role=invitation.role, by=by)


def may_invite(invitation: Invitation) -> bool:
    inviter = invitation.created_by
    is_admin = Member.objects.filter(project=invitation.project_id, user=inviter, role=Role.ADMIN).exists()
    return inviter.is_active and (inviter.is_superuser or is_admin)
