"""Create, save, delete and restore tools and agents; each outcome is a version."""

from __future__ import annotations

from typing import Any

from agents import events
from agents.catalogue import saving as catalogue
from agents.catalogue.configuration import check_agent, check_tool
from agents.deployments import domain as deploying
from agents.models import Agent, Catalogued, Revision, Tool, ToolKind
from controlplane.domain.action import Actor, action
from controlplane.domain.errors import ActionRefused
from controlplane.domain.recording import record
from controlplane.projects.models import Project


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
    delete(tool, events.TOOL_DELETED, by)


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
    delete(agent, events.AGENT_DELETED, by)


@action(label="Restore", role="editor", confirm="Put this version of {subject} in force again?", icon="history")
def restore_revision(row: Tool | Agent, *, revision: Revision, by: Actor) -> Tool | Agent:
    """Save the configuration of an old version as the next one; the name stays. Raises as `update_tool`."""
    if revision.number == row.version_no:
        raise ActionRefused(f"Version {revision.number} of {row.name} is the one in force.")
    fixed = {"name", "kind"}
    values = {name: value for name, value in revision.snapshot.items() if name not in fixed}
    check, event = RESTORED[catalogue.kind_of(row)]
    return _update(row, values, None, check, event, by)


def _create(row: Any, values: dict[str, Any], check: Any, event: str, by: Actor) -> Any:
    document = catalogue.document_of(row) | values
    check(row.project_id, document)
    catalogue.fill(row, document, by=by)
    catalogue.insert(row)
    catalogue.keep_revision(row, by=by)
    catalogue.fit_slot(row)
    record(event, row, by=by, **facts_of(row))
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
    record(event, row, by=by, **facts_of(row))
    return row


def delete(row: Catalogued, event: str, by: Actor) -> None:
    row = catalogue.lock(row, None)
    catalogue.refuse_while_used(row, "deleted")
    record(event, row, by=by, **facts_of(row))
    catalogue.drop_slot(row)
    row.delete()


def facts_of(row: Any) -> dict[str, object]:
    """What an event says of it."""
    return {"name": row.name, "kind": getattr(row, "kind", None) or row.engine, "version_no": row.version_no}


RESTORED = {
    "tool": (check_tool, events.TOOL_UPDATED),
    "agent": (check_agent, events.AGENT_UPDATED),
}
