"""What the sidebar offers. An entry whose page does not exist (yet) is left out."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from controlplane.portal.descriptor import Entry, Section
from controlplane.portal.registry import in_place, navigation
from controlplane.ui.request import PortalRequest

FRONT_PAGE = "home:overview"


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
    sections = [(section.value, reachable(entries_of(section), project.slug, request)) for section in Section]
    root = first_url((FRONT_PAGE,), project.slug)
    here = current_url([url for _, entries in sections for _, url in entries], request.path, root=root)
    return [
        (title, [Link(entry.label, entry.icon, url, url == here) for entry, url in entries])
        for title, entries in sections
        if entries
    ]


def entries_of(section: Section) -> list[Entry]:
    return [entry for entry in in_place(navigation) if entry.section == section]


def reachable(entries: list[Entry], slug: str, request: PortalRequest) -> list[tuple[Entry, str]]:
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
