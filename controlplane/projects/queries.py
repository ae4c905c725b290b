"""Reads of this app that are wider than one queryset."""

from __future__ import annotations

from django.db.models import QuerySet

from controlplane.projects.actors import Access, Actor
from controlplane.projects.models import ApiToken, Project


def projects_of(access: Access) -> QuerySet[Project]:
    """Every project that this person or token reaches, by name: for the switcher."""
    return Project.objects.visible_to(access)


def tokens_for(who: Actor | Access, project: Project) -> QuerySet[ApiToken]:
    """The tokens of `project` that `who` may see: an administrator all, everybody else their own. Newest first."""
    tokens = ApiToken.objects.visible_to(who).with_owner().filter(project=project)
    role = who.role if isinstance(who, Actor) else who.roles[project.pk]
    return tokens if role == "admin" else tokens.filter(created_by_id=who.user_id)
