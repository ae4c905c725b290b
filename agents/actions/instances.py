"""Create, save and delete instances. They are connected to before anything is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import events
from agents.actions.writing import delete, facts_of
from agents.catalogue import saving as catalogue
from agents.catalogue.configuration import check_instance
from agents.instances import connections
from agents.models import Instance
from controlplane.domain.action import Actor, action
from controlplane.domain.errors import InvalidInput
from controlplane.domain.recording import record
from controlplane.projects.models import Project
from controlplane.projects.secrets import encryption

# (project id, engine, url) -> the address that may be shown, and the report.
Examine = Callable[[int, str, str], tuple[str, dict[str, Any]]]


@action(label="Create instance", role="editor", icon="plus", atomic=False)
def create_instance(
    project: Project, *, url: str = "", by: Actor, examine: Examine = connections.examined, **values: Any
) -> Instance:
    """A database to read from. It is connected to now: one that could be written to is refused with the reasons.

    `examine` does that; requests give one that lets a worker do it (`agents/trials/asking.py`).
    `values` are what `Instance.written()` names, and url; name and engine are needed. Raises InvalidInput, Conflict.
    """
    instance = Instance(project=project)
    document = catalogue.document_of(instance) | values
    check_instance(project.pk, {**document, "url": url})
    catalogue.fill(instance, document, by=by)
    _connect(instance, url, examine)
    with transaction.atomic():
        catalogue.insert(instance)
        catalogue.fit_slot(instance)
        record(events.INSTANCE_CREATED, instance, by=by, **facts_of(instance))
    return instance


@action(label="Save instance", role="editor", atomic=False)
def update_instance(
    instance: Instance,
    /,
    *,
    by: Actor,
    version_no: int | None = None,
    url: str = "",
    examine: Examine = connections.examined,
    **values: Any,
) -> Instance:
    """Change the given fields; an empty `url` keeps the stored one. Else as `create_instance` and `update_tool`."""
    document = catalogue.merged(instance, values)
    check_instance(instance.project_id, {**document, "url": url})
    version_no = instance.version_no if version_no is None else version_no
    # Connecting takes seconds, so it comes before the row is locked; the version makes sure it is still the same.
    connected = _reconnected(instance, document["name"], url, examine)
    with transaction.atomic():
        row = catalogue.lock(instance, version_no)
        if not connected and catalogue.merged(row, values) == catalogue.document_of(row):
            return row
        if row.name != document["name"]:
            catalogue.refuse_while_used(row, "renamed")
        catalogue.fill(row, catalogue.merged(row, values), by=by)
        for name, value in connected.items():
            setattr(row, name, value)
        catalogue.save_next(row)
        catalogue.fit_slot(row)
        record(events.INSTANCE_UPDATED, row, by=by, **facts_of(row))
    return row


@action(label="Delete", role="admin", confirm="Delete the instance {subject}?", tone="danger", icon="delete")
def delete_instance(instance: Instance, *, by: Actor) -> None:
    """Raises Conflict naming the tools and released workflows that query it."""
    delete(instance, events.INSTANCE_DELETED, by)


def rotate_instance_urls() -> int:
    """Seal every instance URL anew with the first configured key. Returns how many changed."""
    changed = 0
    for instance in Instance.objects.iterator():
        if encryption.is_current(instance.sealed_url):
            continue
        before = instance.sealed_url
        connections.seal_url(instance, connections.stored_url(instance))
        same = Instance.objects.filter(pk=instance.pk, sealed_url=before)
        changed += same.update(sealed_url=instance.sealed_url)
    return changed


def _connect(instance: Instance, url: str, examine: Examine) -> None:
    address, report = examine(instance.project_id, instance.engine, url)
    connections.seal_url(instance, url)
    instance.address, instance.checked_at, instance.check_report = address, timezone.now(), report


def _reconnected(instance: Instance, name: str, url: str, examine: Examine) -> dict[str, Any]:
    """The fields that another URL changes, or another name, to which the URL is sealed."""
    new = Instance(project_id=instance.project_id, engine=instance.engine, name=name)
    if url:
        _connect(new, url, examine)
        return {field: getattr(new, field) for field in ("sealed_url", "address", "checked_at", "check_report")}
    if name == instance.name:
        return {}
    try:
        connections.seal_url(new, connections.stored_url(instance))
    except encryption.Unreadable as error:
        raise InvalidInput.field("url", f"{error} Give the connection again.") from None
    return {"sealed_url": new.sealed_url}
