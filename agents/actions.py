"""Verbs on tools, agents and instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents import events
from agents.calls.context import Answer
from agents.calls.trial import CallFailed, trial_of_agent, trial_of_tool
from agents.catalogue import saving as catalogue
from agents.catalogue.configuration import check_agent, check_instance, check_tool
from agents.deployments import domain as deploying
from agents.instances import connections
from agents.models import Agent, Catalogued, Deployment, Instance, Revision, Tool, ToolKind
from controlplane.domain.action import Actor, action
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.errors import ActionRefused, InvalidInput
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal
from controlplane.domain.tag_form import TagForm
from controlplane.domain.tags import tags_with, tags_without
from controlplane.projects.models import Project
from controlplane.projects.secrets import encryption

# (project id, engine, url) -> the address that may be shown, and the report.
Examine = Callable[[int, str, str], tuple[str, dict[str, Any]]]
WATCHED = Refusal(Q(probed=True), "Its health is watched already.")
NOT_WATCHED = Refusal(Q(probed=False), "Its health is not watched.")


@action(label="Create tool", role="editor", icon="plus")
def create_tool(project: Project, *, by: Actor, **values: Any) -> Tool:
    """Raises InvalidInput naming fields, Conflict for a taken name.

    `values` are what `Tool.written()` names, at least name, kind and config. SQL only reads, so that such a tool
    may be repeated unless the values say otherwise.
    """
    values = {"idempotent": values.get("kind") == ToolKind.SQL, **values}
    return _create(Tool(project=project), values, check_tool, events.TOOL_CREATED, by)


@action(label="Save tool", role="editor")
def update_tool(tool: Tool, /, *, by: Actor, version_no: int | None = None, **values: Any) -> Tool:
    """Change the given fields and keep the outcome as the next version, if it is another.

    `version_no` is the version the editor saw; Conflict when somebody saved another one since.
    """
    return _update(tool, values, version_no, check_tool, events.TOOL_UPDATED, by)


@action(label="Delete", role="admin", confirm="Delete the tool {subject}?", tone="danger", icon="delete")
def delete_tool(tool: Tool, *, by: Actor) -> None:
    """Raises Conflict naming the agents and released workflows that use it."""
    _delete(tool, events.TOOL_DELETED, by)


@action(label="Create agent", role="editor", icon="plus")
def create_agent(project: Project, *, by: Actor, **values: Any) -> Agent:
    """As `create_tool`, with what `Agent.written()` names."""
    return _create(Agent(project=project), values, check_agent, events.AGENT_CREATED, by)


@action(label="Save agent", role="editor")
def update_agent(agent: Agent, /, *, by: Actor, version_no: int | None = None, **values: Any) -> Agent:
    """As `update_tool`."""
    now = catalogue.lock(agent, version_no)
    deploying.refuse_beyond_scale(now, values.get("max_concurrent", now.max_concurrent))
    return _update(now, values, version_no, check_agent, events.AGENT_UPDATED, by)


@action(label="Delete", role="admin", confirm="Delete the agent {subject}?", tone="danger", icon="delete")
def delete_agent(agent: Agent, *, by: Actor) -> None:
    """Raises Conflict naming the released workflows that use it."""
    _delete(agent, events.AGENT_DELETED, by)


@action(label="Restore", role="editor", confirm="Put this version of {subject} in force again?", icon="history")
def restore_revision(row: Tool | Agent, *, revision: Revision, by: Actor) -> Tool | Agent:
    """Save the configuration of an old version as the next one; the name stays. Raises as `update_tool`."""
    if revision.number == row.version_no:
        raise ActionRefused(f"Version {revision.number} of {row.name} is the one in force.")
    fixed = {"name", "kind"}
    values = {name: value for name, value in revision.snapshot.items() if name not in fixed}
    check, event = RESTORED[catalogue.kind_of(row)]
    return _update(row, values, None, check, event, by)


@action(label="Deploy", role="editor", icon="deploy")
def deploy_agent(agent: Agent, *, environment: str, revision: Revision, note: str = "", by: Actor) -> Deployment:
    """Runs of `environment` that start from now on use this version. Raises InvalidInput, ActionRefused."""
    deploying.check_environment(environment)
    catalogue.lock(agent, None)
    now = deploying.in_force(agent)[environment]
    if now is not None and now.revision_id == revision.pk:
        raise ActionRefused(f"Version {revision.number} of {agent.name} serves {environment} already.")
    given = {"agent": agent, "environment": environment, "revision": revision, "note": note}
    made = Deployment.objects.create(**given, deployed_by=by.name)
    facts = {"environment": environment, "version_no": revision.number, "note": note}
    record(events.AGENT_DEPLOYED, agent, by=by, name=agent.name, **facts)
    return made


@action(label="Roll back", role="editor", confirm="Go back to the version before?", icon="history")
def roll_back_agent(agent: Agent, *, environment: str, by: Actor) -> Deployment:
    """Deploy what served `environment` before. Raises InvalidInput, ActionRefused."""
    deploying.check_environment(environment)
    catalogue.lock(agent, None)
    before = deploying.one_before(agent, environment)
    note = f"Back to version {before.revision.number}"
    return deploy_agent(agent, environment=environment, revision=before.revision, note=note, by=by)


@action(label="Scale", role="operator", icon="gauge")
def scale_agent(agent: Agent, *, least: int, most: int, desired: int, by: Actor) -> Agent:
    """`desired` replicas from now on; the sweeper keeps between `least` and `most`. Raises InvalidInput."""
    deploying.check_scale(least, most, desired)
    agent = catalogue.lock(agent, None)
    before = agent.max_concurrent
    agent.min_replicas, agent.max_replicas, agent.max_concurrent = least, most, desired
    agent.scaled_at, agent.scale_reason = timezone.now(), f"{by.name} asked for it"
    agent.save(update_fields=["min_replicas", "max_replicas", "max_concurrent", "scaled_at", "scale_reason"])
    catalogue.fit_slot(agent)
    facts = {"before": before, "replicas": desired, "least": least, "most": most, "reason": agent.scale_reason}
    record(events.AGENT_SCALED, agent, by=by, name=agent.name, **facts)
    return agent


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
        record(events.INSTANCE_CREATED, instance, by=by, **_facts(instance))
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
        record(events.INSTANCE_UPDATED, row, by=by, **_facts(row))
    return row


@action(label="Delete", role="admin", confirm="Delete the instance {subject}?", tone="danger", icon="delete")
def delete_instance(instance: Instance, *, by: Actor) -> None:
    """Raises Conflict naming the tools and released workflows that query it."""
    _delete(instance, events.INSTANCE_DELETED, by)


@action(
    label="Enable", role="editor", icon="play",
    refused_when=(Refusal(Q(enabled=True), "It is enabled already."),), undo="disable",
)  # fmt: skip
def enable(subject: Catalogued, *, by: Actor) -> None:
    """Let runs use a tool, an agent or an instance again."""
    _switch(subject, True, by)


@action(
    label="Disable", role="editor", confirm="Disable {subject}? New calls are refused.", icon="pause",
    refused_when=(Refusal(Q(enabled=False), "It is disabled already."),), undo="enable",
)  # fmt: skip
def disable(subject: Catalogued, *, by: Actor) -> None:
    """Refuse new calls of a tool, an agent or an instance; what runs goes on."""
    _switch(subject, False, by)


@action(label="Tag", role="editor", icon="tag", takes=TagForm, undo="remove_tags")
def add_tags(subject: Catalogued, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it did not have before. The change is a version like any other."""
    row = catalogue.lock(subject, None)
    row.tags, new = tags_with(row.tags, tags)
    _keep_tags(row, by)
    return new


@action(label="Untag", role="editor", icon="tag", takes=TagForm, undo="add_tags")
def remove_tags(subject: Catalogued, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it had."""
    row = catalogue.lock(subject, None)
    row.tags, gone = tags_without(row.tags, tags)
    _keep_tags(row, by)
    return gone


@action(label="Watch health", role="editor", icon="health", refused_when=(WATCHED,))
def start_probing(subject: Tool | Agent, *, by: Actor) -> None:
    """Ask every half minute whether it is there. Nothing is sent where this is off."""
    _switch_probes(subject, True, by)


@action(label="Stop watching", role="editor", icon="pause", refused_when=(NOT_WATCHED,))
def stop_probing(subject: Tool | Agent, *, by: Actor) -> None:
    """Send no more probes and forget what the last one found."""
    _switch_probes(subject, False, by)


@action(label="Test", role="operator", icon="play", atomic=False)
def try_tool(tool: Tool, *, input: Any, by: Actor, token: CancelToken | None = None) -> tuple[Answer, int]:
    """Call the tool for real and return its answer and the milliseconds it took. Raises CallFailed, InvalidInput.

    It waits for others, so a request asks a worker for it (`agents/trials/asking.py`).
    """
    return _try(tool, lambda: trial_of_tool(tool, input, token), events.TOOL_TESTED, by)


@action(label="Test", role="operator", icon="play", atomic=False)
def try_agent(agent: Agent, *, input: Any, by: Actor, token: CancelToken | None = None) -> tuple[Answer, int]:
    """As `try_tool`. A model's tool calls and costs are real."""
    return _try(agent, lambda: trial_of_agent(agent, input, token), events.AGENT_TESTED, by)


@action(label="Test", role="operator", icon="refresh", atomic=False)
def try_instance(instance: Instance, *, by: Actor, token: CancelToken | None = None) -> dict[str, Any]:
    """Connect and look: {ok, problems, server_version, latency_ms, tables}, kept as the instance's health."""
    report = connections.looked_at(instance, token)
    instance.checked_at, instance.check_report = timezone.now(), report
    with transaction.atomic():
        rows = Instance.objects.filter(pk=instance.pk)
        rows.update(checked_at=instance.checked_at, check_report=report)
        record(events.INSTANCE_TESTED, instance, by=by, name=instance.name, ok=report["ok"])
    return report


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


def _create(row: Any, values: dict[str, Any], check: Any, event: str, by: Actor) -> Any:
    document = catalogue.document_of(row) | values
    check(row.project_id, document)
    catalogue.fill(row, document, by=by)
    catalogue.insert(row)
    catalogue.keep_revision(row, by=by)
    catalogue.fit_slot(row)
    record(event, row, by=by, **_facts(row))
    return row


def _update(row: Any, values: dict[str, Any], version_no: int | None, check: Any, event: str, by: Actor) -> Any:
    row = catalogue.lock(row, version_no)
    document = catalogue.merged(row, values)
    check(row.project_id, document)
    if document == catalogue.document_of(row):
        return row
    if document["name"] != row.name:
        catalogue.refuse_while_used(row, "renamed")
    catalogue.fill(row, document, by=by)
    catalogue.save_next(row)
    catalogue.keep_revision(row, by=by)
    catalogue.fit_slot(row)
    record(event, row, by=by, **_facts(row))
    return row


def _delete(row: Catalogued, event: str, by: Actor) -> None:
    row = catalogue.lock(row, None)
    catalogue.refuse_while_used(row, "deleted")
    record(event, row, by=by, **_facts(row))
    catalogue.drop_slot(row)
    row.delete()


def _switch(row: Catalogued, enabled: bool, by: Actor) -> None:
    type(row).objects.filter(pk=row.pk).update(enabled=enabled, updated_at=timezone.now())
    row.enabled = enabled
    record(SWITCHED[catalogue.kind_of(row), enabled], row, by=by, name=row.name)


def _keep_tags(row: Any, by: Actor) -> None:
    row.updated_by = by.name
    catalogue.save_next(row)
    if hasattr(row, "revisions"):
        catalogue.keep_revision(row, by=by)
    record(UPDATED[catalogue.kind_of(row)], row, by=by, **_facts(row))


def _switch_probes(row: Tool | Agent, probed: bool, by: Actor) -> None:
    type(row).objects.filter(pk=row.pk).update(probed=probed, probe_asked_at=None, checked_at=None, check_report=None)
    row.probed, row.checked_at, row.check_report = probed, None, None
    record(PROBING[catalogue.kind_of(row), probed], row, by=by, name=row.name)


def _try(row: Any, attempt: Callable[[], tuple[Answer, int]], event: str, by: Actor) -> tuple[Answer, int]:
    try:
        answer, duration_ms = attempt()
    except CallFailed as failure:
        record(event, row, by=by, name=row.name, outcome=failure.code)
        raise
    record(event, row, by=by, name=row.name, outcome="succeeded")
    return answer, duration_ms


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


def _facts(row: Any) -> dict[str, object]:
    return {"name": row.name, "kind": getattr(row, "kind", None) or row.engine, "version_no": row.version_no}


UPDATED = {"tool": events.TOOL_UPDATED, "agent": events.AGENT_UPDATED, "instance": events.INSTANCE_UPDATED}
SWITCHED = {
    ("tool", True): events.TOOL_ENABLED,
    ("tool", False): events.TOOL_DISABLED,
    ("agent", True): events.AGENT_ENABLED,
    ("agent", False): events.AGENT_DISABLED,
    ("instance", True): events.INSTANCE_ENABLED,
    ("instance", False): events.INSTANCE_DISABLED,
}
PROBING = {
    ("tool", True): events.TOOL_PROBING_STARTED,
    ("tool", False): events.TOOL_PROBING_STOPPED,
    ("agent", True): events.AGENT_PROBING_STARTED,
    ("agent", False): events.AGENT_PROBING_STOPPED,
}
RESTORED = {
    "tool": (check_tool, events.TOOL_UPDATED),
    "agent": (check_agent, events.AGENT_UPDATED),
}
