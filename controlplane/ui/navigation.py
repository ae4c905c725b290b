"""What the sidebar offers. An entry whose page does not exist (yet) is left out."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from controlplane.ui.request import PortalRequest


@dataclass(frozen=True)
class Entry:
    """`view` is the name of a page of a project; `role` the least that sees the entry."""

    label: str
    icon: str
    view: str
    role: str = "viewer"


FRONT_PAGE = "home:overview"
SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("Overview", "home", FRONT_PAGE),
            Entry("Runs", "run", "runs:list"),
            Entry("Workflows", "workflow", "workflows:list"),
            Entry("Activity", "activity", "events:activity"),
            Entry("Operations", "batch", "operations:list"),
        ),
    ),
    (
        "Resources",
        (
            Entry("Agents", "agent", "agents:list"),
            Entry("Tools", "tool", "agents:tool_list"),
            Entry("Instances", "instance", "agents:instance_list"),
        ),
    ),
    (
        "Settings",
        (
            Entry("Members", "member", "projects:members"),
            Entry("API tokens", "token", "projects:tokens"),
            Entry("Secrets", "secret", "projects:secrets"),
            Entry("Project", "settings", "projects:settings", role="admin"),
        ),
    ),
)


@dataclass(frozen=True)
class Link:
    label: str
    icon: str
    url: str
    current: bool


def sections_for(request: PortalRequest) -> list[tuple[str, list[Link]]]:
    """(title, links) for the project of this page; empty outside a project."""
    project = getattr(request, "project", None)
    if project is None:
        return []
    sections = [(title, reachable(entries, project.slug, request)) for title, entries in SECTIONS]
    root = first_url((FRONT_PAGE,), project.slug)
    here = current_url([url for _, entries in sections for _, url in entries], request.path, root=root)
    return [
        (title, [Link(entry.label, entry.icon, url, url == here) for entry, url in entries])
        for title, entries in sections
        if entries
    ]


def reachable(entries: tuple[Entry, ...], slug: str, request: PortalRequest) -> list[tuple[Entry, str]]:
    found = [(entry, first_url((entry.view,), slug)) for entry in entries if request.member.may(entry.role)]
    return [(entry, url) for entry, url in found if url]


def first_url(views: tuple[str, ...], slug: str) -> str:
    """The address of the first of these pages that exists in project `slug`; empty when none does."""
    for view in views:
        try:
            return reverse(view, args=[slug])
        except NoReverseMatch:
            continue
    return ""


def current_url(urls: list[str], path: str, *, root: str) -> str:
    """The entry `path` lies under: the longest address it begins with. `root` begins all, so it holds only itself."""
    inside = [url for url in urls if path == url or (url != root and path.startswith(url))]
    return max(inside, key=len, default="")
