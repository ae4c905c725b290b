"""Events in plain words: “bob cancelled run 42 — wrong data”. New event types read by themselves if they are verbs."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from controlplane.events.models import Event
from controlplane.portal.descriptor import Subject, Words
from controlplane.portal.registry import looks, subjects, words

SYSTEM = "system"
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
    told = words.get(event.type, Words())
    verb = told.verb or name.replace("_", " ")
    subject = subject_of(event, kind)
    if event.actor == SYSTEM:
        before, after = "", verb if told.by_itself else f"was {verb}"
        subject = subject[:1].upper() + subject[1:]
    else:
        before, after = f"{event.actor} {verb}", ""
    if event.data.get("role"):
        after = f"{after} as {event.data['role']}".strip()
    look = looks.get(name)
    icon, tone = (look.icon, look.tone) if look else (subject_kind(kind).icon or kind, "neutral")
    return Line(event, before, subject, url_of(event, project_slug), after, remark_of(event), icon, tone)


def subject_kind(kind: str) -> Subject:
    return subjects.get(kind) or Subject(kind)


def subject_of(event: Event, kind: str) -> str:
    """`run 42`, `workflow nightly`, `member bob`."""
    told = subject_kind(event.subject_kind if subject_kind(kind).told_as_part else kind)
    if told.numbered:
        return f"{told.kind} {event.subject_id}"
    name = next((str(event.data[key]) for key in NAMES if event.data.get(key)), "")
    return f"{told.kind.replace('_', ' ')} {name}".strip()


def url_of(event: Event, project_slug: str) -> str:
    """Empty where the subject has no page, or is gone."""
    page = subject_kind(event.subject_kind).page
    if not page or event.type.endswith(".deleted"):
        return ""
    try:
        return reverse(page, kwargs={"project": project_slug, "pk": event.subject_id})
    except NoReverseMatch:
        return ""


def remark_of(event: Event) -> str:
    """What the event says beside its verb, at most 300 characters; empty for most."""
    error = event.data.get("error")
    if isinstance(error, dict) and error.get("message"):
        return str(error["message"])[:300]
    return next((str(event.data[key])[:300] for key in REMARKS if event.data.get(key)), "")
