"""Enable, disable, tag and watch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils import timezone

from agents import events
from agents.actions.writing import facts_of
from agents.catalogue import saving as catalogue
from agents.models import Agent, Catalogued, Tool
from controlplane.domain.action import Actor, action
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal
from controlplane.domain.tag_form import TagForm
from controlplane.domain.tags import tags_with, tags_without

WATCHED = Refusal(Q(probed=True), "Its health is watched already.")

NOT_WATCHED = Refusal(Q(probed=False), "Its health is not watched.")


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


def _switch(row: Catalogued, enabled: bool, by: Actor) -> None:
    type(row).objects.filter(pk=row.pk).update(enabled=enabled, updated_at=timezone.now())
    row.enabled = enabled
    record(SWITCHED[catalogue.kind_of(row), enabled], row, by=by, name=row.name)


def _keep_tags(row: Any, by: Actor) -> None:
    row.updated_by = by.name
    catalogue.save_next(row)
    if hasattr(row, "revisions"):
        catalogue.keep_revision(row, by=by)
    record(UPDATED[catalogue.kind_of(row)], row, by=by, **facts_of(row))


def _switch_probes(row: Tool | Agent, probed: bool, by: Actor) -> None:
    type(row).objects.filter(pk=row.pk).update(probed=probed, probe_asked_at=None, checked_at=None, check_report=None)
    row.probed, row.checked_at, row.check_report = probed, None, None
    record(PROBING[catalogue.kind_of(row), probed], row, by=by, name=row.name)


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
