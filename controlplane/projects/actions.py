"""Verbs on projects, members, tokens and secrets."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TypeVar

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.action import ROLES, action
from controlplane.domain.errors import ActionRefused, Conflict, FieldError, InvalidInput, NotAllowed, NotFound
from controlplane.domain.recording import record
from controlplane.domain.redaction import SHORTEST_SECRET
from controlplane.domain.refusals import Refusal, refuse
from controlplane.projects import events
from controlplane.projects.models import (
    OPEN,
    ApiToken,
    Invitation,
    Member,
    Preferences,
    Project,
    Role,
    Secret,
    SignIn,
)
from controlplane.projects.secrets import encryption
from controlplane.projects.tenants.actors import Actor

Row = TypeVar("Row", bound=models.Model)
LONGEST_SECRET = 32_768
INVITATION_DAYS = 7
OTHER_ADMINS = Member.objects.filter(project=OuterRef("project"), role=Role.ADMIN).exclude(pk=OuterRef("pk"))
LAST_ADMIN = Refusal(Q(role=Role.ADMIN) & ~Exists(OTHER_ADMINS), "A project keeps at least one administrator.")
INVITATION_ENDED = Refusal(~OPEN, "This invitation has ended already.")
TOKEN_ENDED = Refusal(Q(revoked_at__isnull=False) | Q(expires_at__lte=Now()), "This token has ended already.")


def project_of(member: Member) -> models.QuerySet[Project]:
    """One at a time in each project: two who leave at once cannot both be the one who stays."""
    return Project.objects.select_for_update(no_key=True).filter(pk=member.project_id)


def create_project(*, slug: str, name: str, time_zone: str = "UTC", by: Actor, owner: User) -> Project:
    """A new project with `owner` as its administrator. `by` is the system or Access.everywhere()."""
    if by.project_id is not None:
        raise NotAllowed("Only an administrator of the installation can create projects.")
    if slug.isdecimal():
        raise InvalidInput.field("slug", "A number alone would be taken for the id of a project.")
    project = checked(Project(slug=slug, name=name, time_zone=time_zone))
    with transaction.atomic():
        try:
            with transaction.atomic():
                project.save(force_insert=True)
        except IntegrityError as error:
            raise taken("slug", f"There is a project “{slug}” already.") from error
        Member.objects.create(project=project, user=owner, role=Role.ADMIN)
        record(events.PROJECT_CREATED, project, by=by, slug=slug)
    return project


@action(label="Save project", role="admin")
def update_project(project: Project, *, name: str | None = None, time_zone: str | None = None, by: Actor) -> Project:
    """Change what is given, of the project as it is now."""
    project = one_at_a_time(project)
    project.name = project.name if name is None else name
    project.time_zone = project.time_zone if time_zone is None else time_zone
    checked(project).save(update_fields=["name", "time_zone"])
    record(events.PROJECT_UPDATED, project, by=by, name=project.name, time_zone=project.time_zone)
    return project


@action(label="Add member", role="admin")
def add_member(project: Project, *, user: User, role: str, by: Actor) -> Member:
    known_role(role)
    try:
        with transaction.atomic():
            member = Member.objects.create(project=project, user=user, role=role)
    except IntegrityError as error:
        raise taken("user", f"{user} is a member already.") from error
    record(events.MEMBER_ADDED, project, by=by, user=user.get_username(), role=role)
    return member


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


@action(label="Change role", role="admin")
def change_role(member: Member, *, role: str, by: Actor) -> Member:
    known_role(role)
    one_at_a_time(member.project)
    refuse(member, [] if role == Role.ADMIN else [LAST_ADMIN])
    member.role = role
    member.save(update_fields=["role"])
    record(events.MEMBER_CHANGED, member.project, by=by, user=member.user.get_username(), role=role)
    return member


@action(
    label="Remove", role="admin", confirm="Remove {subject}? They lose access at once.", tone="danger",
    refused_when=(LAST_ADMIN,), holds=project_of,
)  # fmt: skip
def remove_member(member: Member, *, by: Actor) -> None:
    record(events.MEMBER_REMOVED, member.project, by=by, user=member.user.get_username())
    member.delete()


def one_at_a_time(project: Project) -> Project:
    """As it is now, after the others who change it or who is in it. What only refers to it goes on meanwhile."""
    now = Project.objects.select_for_update(no_key=True).filter(pk=project.pk).first()
    if now is None:
        raise NotFound("There is no such project.")
    return now


@action(label="Create token", role="viewer")
def create_token(project: Project, *, name: str, role: str, days: int, by: Actor) -> tuple[ApiToken, str]:
    """A token and its secret text `sp_PREFIX_SECRET`, which is shown now and never again. Lives 1 to 366 days.

    Tokens make none: one that leaked for a day would live on in its successors.
    """
    if by.kind == "token":
        raise NotAllowed("A token cannot create tokens. Sign in to create one.")
    known_role(role)
    if not by.may(role):
        raise NotAllowed(f"A token cannot have a higher role than yours ({by.role}).")
    if not 1 <= days <= 366:
        raise InvalidInput.field("days", "A token lives 1 to 366 days.")
    if by.user_id is None:
        raise NotAllowed("A token belongs to a person.")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken(
        project=project,
        name=name,
        role=role,
        prefix=prefix,
        secret_hash=hash_secret(secret),
        created_by_id=by.user_id,
        expires_at=timezone.now() + timedelta(days=days),
    )
    checked(token).save(force_insert=True)
    record(events.TOKEN_CREATED, project, by=by, token=name, role=role, days=days)
    return token, f"sp_{prefix}_{secret}"


def token_of_others(token: ApiToken, by: Actor) -> str:
    """People revoke their own, administrators anybody's; a token revokes only itself."""
    if by.kind == "token" and token.pk != by.token_id:
        return "A token revokes only itself. Sign in to revoke others."
    is_theirs = token.created_by_id == by.user_id or by.may("admin")
    return "" if is_theirs else "Only its owner or an administrator revokes a token."


@action(
    label="Revoke", role="viewer", confirm="Revoke {subject}? Scripts that use it stop working at once.", tone="danger",
    refused_to=token_of_others, refused_when=(TOKEN_ENDED,),
)  # fmt: skip
def revoke_token(token: ApiToken, *, by: Actor) -> None:
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    record(events.TOKEN_REVOKED, token.project, by=by, token=token.name)


@action(label="Set secret", role="admin")
def set_secret(project: Project, *, name: str, value: str, by: Actor) -> Secret:
    """Write or replace. `value` has 4 to 32,768 characters."""
    if len(value) < SHORTEST_SECRET:
        message = f"A secret has at least {SHORTEST_SECRET} characters, so that it can be masked in logs."
        raise InvalidInput.field("value", message)
    if len(value) > LONGEST_SECRET:
        raise InvalidInput.field("value", f"A secret has at most {LONGEST_SECRET:,} characters.")
    secret = checked(Secret(project=project, name=name, sealed="-", updated_by=by.name))
    secret.sealed = encryption.seal(value, bound_to=place(project.pk, name))
    secret, _ = Secret.objects.update_or_create(
        project=project, name=name, defaults={"sealed": secret.sealed, "updated_by": by.name}
    )
    record(events.SECRET_SET, project, by=by, secret=name)
    return secret


@action(label="Delete secret", role="admin", confirm="Delete the secret {subject}?", tone="danger")
def delete_secret(secret: Secret, *, by: Actor) -> None:
    if not Secret.objects.filter(pk=secret.pk).delete()[0]:
        raise NotFound("There is no such secret.")
    record(events.SECRET_DELETED, secret.project, by=by, secret=secret.name)


def reveal_secrets(project_id: int, names: set[str]) -> dict[str, str]:
    """Name -> value, for executors only. Names that do not exist are missing from the answer."""
    rows = Secret.objects.filter(project_id=project_id, name__in=names)
    return {row.name: encryption.unseal(row.sealed, bound_to=place(project_id, row.name)) for row in rows}


def rotate_secrets() -> int:
    """Seal every project secret anew with the first configured key. Returns how many changed."""
    changed = 0
    for secret in Secret.objects.iterator():
        if encryption.is_current(secret.sealed):
            continue
        bound_to = place(secret.project_id, secret.name)
        sealed = encryption.seal(encryption.unseal(secret.sealed, bound_to=bound_to), bound_to=bound_to)
        changed += Secret.objects.filter(pk=secret.pk, sealed=secret.sealed).update(sealed=sealed)
    return changed


def save_preferences(user: User, *, time_zone: str, theme: str) -> Preferences:
    """A person's own; `time_zone` may be empty. In no project, so no event."""
    chosen = checked(Preferences(user_id=user.pk, time_zone=time_zone, theme=theme))
    fields = {"time_zone": time_zone, "theme": theme}
    Preferences.objects.bulk_create([chosen], update_conflicts=True, unique_fields=["user"], update_fields=list(fields))
    return chosen


def end_session(user: User, *, pk: int) -> None:
    """Sign `user` out where that session is. Raises NotFound for one that is not theirs."""
    session = UserSession.objects.filter(user_id=user.pk, pk=pk).first()
    if session is None:
        raise NotFound("There is no such session.")
    session.end()


def end_sign_in(user: User, *, pk: int) -> None:
    """End the tokens of that sign-in of a script. Raises NotFound for one that is not theirs."""
    if not SignIn.objects.filter(user_id=user.pk, pk=pk).delete()[0]:
        raise NotFound("There is no such sign-in.")


def end_sign_ins(user: User, *, but: int = 0) -> None:
    """End the tokens of all scripts that signed in as `user`, `but` one."""
    SignIn.objects.filter(user_id=user.pk).exclude(pk=but).delete()


def end_other_sessions(user: User, *, current: str, sign_in: int = 0) -> None:
    """`current` is the key of the session that stays, `sign_in` the sign-in; without either all end."""
    for session in UserSession.objects.filter(user_id=user.pk).exclude(session_key=current):
        session.end()
    end_sign_ins(user, but=sign_in)


def known_role(role: str) -> None:
    if role not in ROLES:
        raise InvalidInput.field("role", f"Choose one of {', '.join(ROLES)}.")


def checked(row: Row) -> Row:
    """`row` when its fields fit; else raises InvalidInput naming each that does not."""
    try:
        row.clean_fields(exclude=[field.name for field in row._meta.fields if field.is_relation])
    except ValidationError as error:
        errors = [FieldError(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise InvalidInput(errors[0].message, errors=errors) from error
    return row


def taken(field: str, message: str) -> Conflict:
    return Conflict(message, errors=[FieldError(field, message, "taken")])


def place(project_id: int, name: str) -> str:
    return f"secret:{project_id}:{name}"


def hash_secret(secret: str) -> str:
    """SHA-256: enough for 256 random bits, and quick enough for every request."""
    return hashlib.sha256(secret.encode()).hexdigest()
