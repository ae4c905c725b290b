"""The tenant boundary: projects, their members, tokens and secrets."""

from controlplane.projects.models.invitations import OPEN, Invitation, InvitationQuerySet, Letter
from controlplane.projects.models.preferences import Preferences, Theme, valid_time_zone
from controlplane.projects.models.secrets import Secret
from controlplane.projects.models.tenants import (
    NAME_PATTERN,
    Member,
    Project,
    ProjectQuerySet,
    ProjectScoped,
    Role,
    valid_name,
)
from controlplane.projects.models.tokens import (
    ApiToken,
    ApiTokenQuerySet,
    IdempotencyKey,
    Remembered,
    SignIn,
    SignInQuerySet,
)

__all__ = [
    "NAME_PATTERN",
    "OPEN",
    "ApiToken",
    "ApiTokenQuerySet",
    "IdempotencyKey",
    "Invitation",
    "InvitationQuerySet",
    "Letter",
    "Member",
    "Preferences",
    "Project",
    "ProjectQuerySet",
    "ProjectScoped",
    "Remembered",
    "Role",
    "Secret",
    "SignIn",
    "SignInQuerySet",
    "Theme",
    "valid_name",
    "valid_time_zone",
]
