"""Secrets of a project."""

from __future__ import annotations

from controlplane.domain.action import action
from controlplane.domain.errors import InvalidInput, NotFound
from controlplane.domain.recording import record
from controlplane.domain.redaction import SHORTEST_SECRET
from controlplane.projects import events
from controlplane.projects.actions.checking import checked
from controlplane.projects.models import (
    Project,
    Secret,
)
from controlplane.projects.secrets import encryption
from controlplane.projects.tenants.actors import Actor

LONGEST_SECRET = 32_768


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


def place(project_id: int, name: str) -> str:
    """What the sealed value is bound to: the name in its project."""
    return f"secret:{project_id}:{name}"
