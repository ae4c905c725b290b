"""Reads of this app that are wider than one queryset."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from controlplane.projects.models import ApiToken, ApiTokenQuerySet, Member, Preferences, Project, SignIn
from controlplane.projects.tenants.actors import Access, Actor


def projects_of(access: Access) -> QuerySet[Project]:
    """Every project that this person or token reaches, by name: for the switcher."""
    return Project.objects.visible_to(access)


def tokens_for(who: Actor | Access, project: Project) -> ApiTokenQuerySet:
    """The tokens of `project` that `who` may see: an administrator all, everybody else their own. Newest first."""
    tokens = ApiToken.objects.visible_to(who).with_owner().filter(project=project)
    role = who.role if isinstance(who, Actor) else who.roles[project.pk]
    return tokens if role == "admin" else tokens.filter(created_by_id=who.user_id)


def preferences_of(user: AbstractBaseUser) -> Preferences:
    """What they chose, or unsaved defaults."""
    return Preferences.objects.filter(user_id=user.pk).first() or Preferences(user_id=user.pk)


def memberships_of(user: AbstractBaseUser) -> QuerySet[Member]:
    return Member.objects.filter(user_id=user.pk).select_related("project").order_by("project__name")


def sessions_of(user: AbstractBaseUser) -> list[UserSession]:
    """Where they are signed in, newest first. Forgets those that have ended."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda one: one.created_at, reverse=True)


def sign_ins_of(user: AbstractBaseUser) -> QuerySet[SignIn]:
    """Scripts that signed in with their password, and whose tokens still work; newest first."""
    return SignIn.objects.live().filter(user_id=user.pk)
