"""Verbs on projects, members, tokens and secrets."""

from controlplane.projects.actions.checking import checked
from controlplane.projects.actions.inviting import (
    INVITATION_DAYS,
    accept_invitation,
    invite_member,
    join,
    revoke_invitation,
)
from controlplane.projects.actions.own import (
    end_other_sessions,
    end_session,
    end_sign_in,
    end_sign_ins,
    save_preferences,
)
from controlplane.projects.actions.secrets import delete_secret, reveal_secrets, rotate_secrets, set_secret
from controlplane.projects.actions.tenants import add_member, change_role, create_project, remove_member, update_project
from controlplane.projects.actions.tokens import create_token, hash_secret, revoke_token

__all__ = [
    "INVITATION_DAYS",
    "accept_invitation",
    "add_member",
    "change_role",
    "checked",
    "create_project",
    "create_token",
    "delete_secret",
    "end_other_sessions",
    "end_session",
    "end_sign_in",
    "end_sign_ins",
    "hash_secret",
    "invite_member",
    "join",
    "remove_member",
    "reveal_secrets",
    "revoke_invitation",
    "revoke_token",
    "rotate_secrets",
    "save_preferences",
    "set_secret",
    "update_project",
]
