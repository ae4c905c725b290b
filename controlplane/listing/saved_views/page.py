"""The menu of saved views on a list page, and what its buttons do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.listing.actions import (
    delete_view,
    drop_default,
    make_default,
    save_view,
    share_view,
    unshare_view,
    update_view,
)
from controlplane.listing.models import SavedView
from controlplane.listing.reading.request import Reading, without_passing
from controlplane.ui.request import PortalRequest

VERBS: dict[str, AnyAction] = {
    verb.name: verb for verb in (update_view, share_view, unshare_view, make_default, drop_default, delete_view)
}


@dataclass(frozen=True)
class ViewLink:
    name: str
    url: str
    is_shared: bool
    is_default: bool
    is_open: bool


@dataclass(frozen=True)
class ViewButton:
    name: str
    label: str
    icon: str
    tone: str
    confirm: str


class SavedViews:
    """What the menu shows: the views, and what the member may do with the one that is open."""

    def __init__(self, request: PortalRequest, reading: Reading) -> None:
        self.path, self.member, self.reading = request.path, request.member, reading
        self.here = request.get_full_path()

    @property
    def open(self) -> SavedView | None:
        return self.reading.view

    @cached_property
    def links(self) -> list[ViewLink]:
        return [
            ViewLink(view.name, f"{self.path}?view={view.slug}", view.is_shared, view.is_default, view == self.open)
            for view in self.reading.views
        ]

    @property
    def all_url(self) -> str:
        return f"{self.path}?view=" if self.reading.default_view else self.path

    @property
    def is_changed(self) -> bool:
        """Whether the page shows something else than the open view says."""
        now = without_passing(self.reading.params)
        return self.open is not None and dict(now.lists()) != dict(QueryDict(self.open.query).lists())

    @property
    def may_share(self) -> bool:
        return share_view.reaches(self.member)

    @property
    def buttons(self) -> list[ViewButton]:
        view = self.open
        if view is None:
            return []
        offered = [
            update_view if self.is_changed else None,
            drop_default if view.is_default else make_default,
            unshare_view if view.is_shared else share_view,
            delete_view,
        ]
        return [button_of(verb, view) for verb in offered if verb is not None and verb.visible_to(self.member, view)]


def button_of(verb: AnyAction, view: SavedView) -> ViewButton:
    return ViewButton(verb.name, verb.label, verb.icon, verb.tone, verb.confirm.replace("{subject}", view.name))


def answer(reading: Reading, request: Any) -> HttpResponse:
    """Do what the menu's button `view_verb` says, and go on to the view; a refusal is told where one was."""
    try:
        view = apply_view_verb(reading, request.POST, by=request.member)
    except ProblemError as problem:
        messages.error(request, problem.detail)
        return redirect(request.get_full_path())
    return redirect(f"{request.path}?{urlencode({'view': view.slug if view else ''})}")


def apply_view_verb(reading: Reading, posted: QueryDict, *, by: Any) -> SavedView | None:
    """The view to open next, None where it was deleted. Raises InvalidInput for a verb that there is not."""
    state = without_passing(reading.params).urlencode()
    name = posted["view_verb"]
    if name == save_view.name and reading.project is not None:
        shared = bool(posted.get("is_shared"))
        given = {"listing": reading.listing.noun, "name": posted.get("name", ""), "query": state}
        return save_view(reading.project, **given, is_shared=shared, by=by)
    if reading.view is None or name not in VERBS:
        raise InvalidInput.field("view_verb", "There is no such view or no such button.")
    more = {"query": state} if name == update_view.name else {}
    return VERBS[name](reading.view, **more, by=by)
