"""Where one may go from anywhere: pages, things to begin, and objects by name or number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.urls import reverse

from controlplane.portal.descriptor import Subject
from controlplane.portal.hits import EACH, Hit
from controlplane.portal.registry import beginnings, in_place, load, subjects
from controlplane.ui.navigation import sections_for
from controlplane.ui.request import PortalRequest

LETTERS = 100


def cleaned(text: str) -> str:
    return text.replace("\x00", "").strip()[:LETTERS]


def groups_for(request: PortalRequest, text: str) -> list[tuple[str, list[Hit]]]:
    """(title, places) that `text` finds in this project; without text the pages and what can be begun."""
    found: dict[str, list[Hit]] = {}
    for subject in findable():
        found.setdefault(subject.group, []).extend(hits_of(subject, request.member, text))
    found["Pages"] = [hit for hit in pages(request) if text.lower() in hit.label.lower()]
    found["Actions"] = [hit for hit in begun(request) if text.lower() in hit.label.lower()]
    return [(title, hits) for title, hits in found.items() if hits]


def findable() -> list[Subject]:
    return [subject for subject in in_place(subjects) if subject.is_found]


def find_objects(who: Any, text: str) -> list[Hit]:
    """Subjects of every kind that `who` may see."""
    return [hit for subject in findable() for hit in hits_of(subject, who, text)]


def pages(request: PortalRequest) -> Iterator[Hit]:
    for _, links in sections_for(request):
        for link in links:
            yield Hit("page", link.icon, link.label, "", link.url)


def begun(request: PortalRequest) -> Iterator[Hit]:
    for one in in_place(beginnings):
        if request.member.may(one.role):
            yield Hit("action", one.icon, one.label, "", reverse(one.view, args=[request.project.slug]))


def hits_of(subject: Subject, who: Any, text: str) -> Iterator[Hit]:
    return load(subject.find)(who, text) if subject.find else by_name(subject, who, text)


def by_name(subject: Subject, who: Any, text: str) -> Iterator[Hit]:
    """Nothing without text: the first of everything are no answer."""
    if not text:
        return
    rows = apps.get_model(subject.model)._default_manager.visible_to(who).select_related("project")
    for row in rows.filter(name__icontains=text).only("name", "project").order_by("name", "pk")[:EACH]:
        url = reverse(subject.page, args=[row.project.slug, row.pk])
        icon, note = subject.icon or subject.kind, subject.kind.replace("_", " ").capitalize()
        yield Hit(subject.kind, icon, row.name, note, url, row.pk, row.project.slug)
