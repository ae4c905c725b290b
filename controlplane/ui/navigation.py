"""What the sidebar offers. An entry whose page does not exist (yet) is left out."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Entry:
    """`views` are candidate view names in a project, the first that exists wins; `inside` are prefixes it covers."""

    label: str
    icon: str
    views: tuple[str, ...]
    inside: tuple[str, ...] = ()
    role: str = "viewer"


AGENT_PAGES = tuple(f"agents:{page}" for page in ("new", "detail", "edit", "delete", "test"))
SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("Overview", "home", ("home:overview",)),
            Entry("Runs", "run", ("runs:list",), inside=("runs:",)),
            Entry("Workflows", "workflow", ("workflows:list",), inside=("workflows:",)),
            Entry("Activity", "activity", ("events:activity", "home:activity", "events:list"), inside=("events:",)),
        ),
    ),
    (
        "Resources",
        (
            Entry("Agents", "agent", ("agents:list",), inside=AGENT_PAGES),
            Entry("Tools", "tool", ("agents:tool_list",), inside=("agents:tool_",)),
            Entry("Instances", "instance", ("agents:instance_list",), inside=("agents:instance_",)),
        ),
    ),
    (
        "Settings",
        (
            Entry("Members", "member", ("projects:members", "projects:member-list"), inside=("projects:member",)),
            Entry("API tokens", "token", ("projects:tokens", "projects:token-list"), inside=("projects:token",)),
            Entry("Secrets", "secret", ("projects:secrets", "projects:secret-list"), inside=("projects:secret",)),
            Entry("Project", "settings", ("projects:settings", "projects:edit"), role="admin"),
        ),
    ),
)


@dataclass(frozen=True)
class Link:
    label: str
    icon: str
    url: str
    current: bool


def sections_for(request: HttpRequest) -> list[tuple[str, list[Link]]]:
    """(title, links) for the project of this page; empty outside a project."""
    project = getattr(request, "project", None)
    if project is None:
        return []
    match = request.resolver_match
    here = match.view_name if match else ""
    found = [(title, links_of(entries, project.slug, here, request)) for title, entries in SECTIONS]
    return [(title, links) for title, links in found if links]


def links_of(entries: tuple[Entry, ...], slug: str, here: str, request: HttpRequest) -> list[Link]:
    links = []
    for entry in entries:
        url = first_url(entry.views, slug)
        if url and request.member.may(entry.role):
            links.append(Link(entry.label, entry.icon, url, is_current(entry, here)))
    return links


def first_url(views: tuple[str, ...], slug: str) -> str:
    for view in views:
        try:
            return reverse(view, args=[slug])
        except NoReverseMatch:
            continue
    return ""


def is_current(entry: Entry, here: str) -> bool:
    return here in entry.views or any(here.startswith(prefix) for prefix in entry.inside)
