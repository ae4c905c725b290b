"""Verbs on projects and their members."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q

from controlplane.domain.action import action
from controlplane.domain.errors import InvalidInput, NotAllowed
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal, refuse
from controlplane.projects import events
from controlplane.projects.actions.checking import checked, known_role, one_at_a_time, taken
from controlplane.projects.models import (
    Member,
    Project,
    Role,
)
from controlplane.projects.tenants.actors import Actor

OTHER_ADMINS = Member.objects.filter(project=OuterRef("project"), role=Role.ADMIN).exclude(pk=OuterRef("pk"))

LAST_ADMIN = Refusal(Q(role=Role.ADMIN) & ~Exists(OTHER_ADMINS), "A project keeps at least one administrator.")


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
