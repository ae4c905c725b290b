"""Whose rights an operation has: those that its maker has now, not those of then."""

from __future__ import annotations

from typing import Any, Protocol

from controlplane.domain.errors import NotAllowed, NotFound
from controlplane.operations.models import Operation
from controlplane.projects.models import ApiToken
from controlplane.projects.tenants.actors import Access, Actor

GONE = "Whoever started this has no access to the project any more."


class Owned(Protocol):
    """A row that has the fields of `owner_of`."""

    project_id: int
    user: Any
    by_token_id: Any
    through_token: Any


def actor_of(operation: Owned) -> Actor:
    """Raises NotAllowed when they left, were disabled, or their token has ended."""
    try:
        return access_of(operation).actor_in(operation.project_id)
    except NotFound as error:
        raise NotAllowed(GONE) from error


def access_of(operation: Owned) -> Access:
    """What whoever started it may do now. Raises NotAllowed when the person or the token is gone."""
    if operation.user is None or not operation.user.is_active:
        raise NotAllowed(GONE)
    if not operation.through_token:
        return Access.of_user(operation.user)
    token = ApiToken.objects.with_owner().one_or_none(pk=operation.by_token_id)
    if token is None or not token.is_live:
        raise NotAllowed("The token that started this was revoked or has ended.")
    return Access.of_token(token)


def owner_of(actor: Actor) -> dict[str, object]:
    """The fields of an Operation that say who made it."""
    return {
        "created_by": actor.name,
        "user_id": actor.user_id,
        "by_token_id": actor.token_id,
        "through_token": actor.token_id is not None,
    }


def is_mine(operation: Operation, actor: Actor) -> bool:
    """The same person by the same way in: what a token started is not its owner's own in a browser."""
    return actor.user_id is not None and operation.user_id == actor.user_id and operation.by_token_id == actor.token_id
