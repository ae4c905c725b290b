"""Events in plain words: “bob cancelled run 42 — wrong data”. New event types read by themselves if they are verbs."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from controlplane.events.models import Event
from controlplane.ui.states import LOOKS

SYSTEM = "system"
# Where a thing is shown. A kind that is missing here, or whose page does not exist, is named without a link.
PAGES = {
    "run": "runs:detail",
    "workflow": "workflows:detail",
    "agent": "agents:detail",
    "tool": "agents:tool_detail",
    "instance": "agents:instance_detail",
    "operation": "operations:detail",
}
# What people do, where the event's name does not say it well.
VERBS = {
    "run.pause_requested": "asked to pause",
    "run.stop_requested": "asked to stop",
    "run.timed_out": "timed out",
    "step.reviewed": "decided about a step of",
    "step.needs_review": "needs a decision about a step",
    "workflow.draft_saved": "saved a draft of",
    "workflow.draft_discarded": "discarded the draft of",
    "workflow.version_restored": "restored a version of",
    "workflow.unarchived": "brought back",
    "member.changed": "changed the role of",
    "project.updated": "changed",
    "tool.updated": "changed",
    "agent.updated": "changed",
    "instance.updated": "changed",
    "workflow.updated": "changed",
}
# What things do by themselves; everything else that no person did "was" done.
HAPPENS = {"succeeded", "partially_succeeded", "failed", "timed_out", "started", "paused", "needs_review"}
ICONS = {"project": "settings", "operation": "batch", "step": "run"}
# Which value of `data` names the subject; and which is worth telling after it.
NAMES = ("user", "token", "secret", "name", "slug")
REMARKS = ("reason", "note", "outcome")


@dataclass(frozen=True)
class Line:
    """One row of the feed: `before`, the subject (a link when `url`), `after`, and a remark below or empty."""

    event: Event
    before: str
    subject: str
    url: str
    after: str
    remark: str
    icon: str
    tone: str


def line_of(event: Event, project_slug: str) -> Line:
    kind, _, name = event.type.partition(".")
    verb = VERBS.get(event.type) or name.replace("_", " ")
    subject = subject_of(event, kind)
    if event.actor == SYSTEM:
        before, after = "", verb if name in HAPPENS else f"was {verb}"
        subject = subject[:1].upper() + subject[1:]
    else:
        before, after = f"{event.actor} {verb}", ""
    if event.data.get("role"):
        after = f"{after} as {event.data['role']}".strip()
    look = LOOKS.get(name)
    icon, tone = (look.icon, look.tone) if look else (ICONS.get(kind, kind), "neutral")
    return Line(event, before, subject, url_of(event, project_slug), after, remark_of(event), icon, tone)


def subject_of(event: Event, kind: str) -> str:
    """`run 42`, `workflow nightly`, `member bob`. Runs are known by number, all else by name."""
    noun = event.subject_kind if kind == "step" else kind
    if noun == "run":
        return f"run {event.subject_id}"
    name = next((str(event.data[key]) for key in NAMES if event.data.get(key)), "")
    return f"{noun.replace('_', ' ')} {name}".strip()


def url_of(event: Event, project_slug: str) -> str:
    page = PAGES.get(event.subject_kind)
    if page is None or event.type.endswith(".deleted"):
        return ""
    try:
        return reverse(page, kwargs={"project": project_slug, "pk": event.subject_id})
    except NoReverseMatch:
        return ""


def remark_of(event: Event) -> str:
    error = event.data.get("error")
    if isinstance(error, dict) and error.get("message"):
        return str(error["message"])[:300]
    return next((str(event.data[key])[:300] for key in REMARKS if event.data.get(key)), "")
