"""Tokens of scripts."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.domain.errors import InvalidInput, NotAllowed
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal
from controlplane.projects import events
from controlplane.projects.actions.checking import checked, known_role
from controlplane.projects.models import (
    ApiToken,
    Project,
)
from controlplane.projects.tenants.actors import Actor

TOKEN_ENDED = Refusal(Q(revoked_at__isnull=False) | Q(expires_at__lte=Now()), "This token has ended already.")


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


def hash_secret(secret: str) -> str:
    """SHA-256: enough for 256 random bits, and quick enough for every request."""
    return hashlib.sha256(secret.encode()).hexdigest()
