"""The list page, solved once: whole page, HTMX partial, CSV and bulk actions of one `Listing`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views import View

from controlplane.domain.errors import InvalidInput, NotAllowed
from controlplane.listing import bulk
from controlplane.listing.declaration import Listing
from controlplane.listing.display import Display
from controlplane.listing.exports import csv_response
from controlplane.listing.reading import Reading
from controlplane.ui.htmx import is_partial
from controlplane.ui.navigation import first_url


@dataclass(frozen=True)
class Empty:
    """What stands where no row is yet: the next step is a link `action` to the view named `url_name`."""

    title: str
    text: str = ""
    action: str = ""
    url_name: str = ""
    role: str = "operator"


class ListPage(View):
    """Subclasses declare `listing`, `title` and `empty`; `template_name` when the page has more than the list.

    `live` are the event types (or prefixes ending in a dot) that refresh the table.
    """

    listing: Listing
    title = ""
    note = ""
    icon = "list"
    empty = Empty("Nothing here yet")
    live = ""
    template_name = "listing/page.html"
    partial_name = "listing/_table.html"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.GET.get("export") == "csv":
            return self.export()
        return self.show()

    def post(self, request: HttpRequest) -> HttpResponse:
        """A bulk action: `action`, and `selected` ids or `all_matching` with the mark `frozen` of the page."""
        verb = self.allowed_action(request.POST.get("action", ""))
        rows, ids = self.selection()
        outcome = bulk.act_on(rows, ids, verb, by=request.member)
        if is_partial(request):
            response = self.show()
            context = {"outcome": outcome, "here": request.get_full_path()}
            response.write(render_to_string("listing/_outcome.html", context))
            return response
        messages.add_message(request, outcome.level, outcome.in_full())
        return redirect(request.get_full_path())

    @cached_property
    def reading(self) -> Reading:
        return Reading(self.listing, self.request.GET, who=self.request.member, project=self.request.project)

    def selection(self) -> tuple[QuerySet, list[int]]:
        """The rows that a bulk action means: (where to find them, their ids)."""
        posted = self.request.POST
        if not posted.get("all_matching"):
            return self.listing.rows(self.request.member), bulk.ids_of(posted.getlist("selected"))
        matching = bulk.frozen(self.reading.ordered, posted.get("frozen", ""))
        ids = list(matching.values_list("pk", flat=True)[: bulk.BULK_LIMIT + 1])
        return self.listing.rows(self.request.member), bulk.refuse_too_many(ids)

    def allowed_action(self, name: str) -> Callable[..., Any]:
        verb = self.listing.bulk_action(name)
        if verb is None:
            raise InvalidInput.field("action", "There is no such action on this list.")
        if not self.request.member.may(verb.role, self.request.project):
            raise NotAllowed(f"{verb.label} needs the role {verb.role} in this project.")
        return verb

    def export(self) -> HttpResponseBase:
        """Every row that matches, with the columns chosen."""
        reading = self.reading
        return csv_response(reading.ordered, reading.columns, noun=self.listing.noun, project=reading.project)

    def show(self) -> HttpResponse:
        template = self.partial_name if is_partial(self.request) else self.template_name
        shown = Display(self.request, self.reading)
        context = {"page": self, "list": shown, **self.extra_context()}
        # A part is swapped whatever it says; only as a page of its own it is a refusal.
        status = 200 if shown.is_valid or is_partial(self.request) else 400
        response = render(self.request, template, context, status=status)
        if template == self.partial_name and self.request.headers.get("HX-Trigger", "").startswith("narrow-"):
            response.write(render_to_string("listing/_filters.html", {**context, "swapped": True}, self.request))
        patch_vary_headers(response, ["HX-Request"])
        return response

    @property
    def empty_url(self) -> str:
        """Where the empty list's button leads; nowhere for a member whose role does not reach it."""
        request = self.request
        if not self.empty.url_name or not request.member.may(self.empty.role, request.project):
            return ""
        return first_url((self.empty.url_name,), request.project.slug)

    def extra_context(self) -> dict[str, Any]:
        """More for a page's own template."""
        return {}
