"""The list page, solved once: whole page, HTMX partial, CSV and bulk actions of one `Listing`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views import View

from controlplane.events.sharing.parts import live_part
from controlplane.listing.bulk.page import BulkRequest
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.export.page import export_page, order_page
from controlplane.listing.page.display import Display
from controlplane.listing.reading.request import Reading
from controlplane.listing.saved_views import page as saved_views
from controlplane.ui.htmx import is_partial
from controlplane.ui.navigation import first_url
from controlplane.ui.request import PortalRequest


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

    request: PortalRequest
    listing: Listing
    title = ""
    note = ""
    icon = "list"
    empty = Empty("Nothing here yet")
    live = ""
    template_name = "listing/page.html"
    partial_name = "listing/_table.html"
    live_name = "listing/_live.html"

    def get(self, request: PortalRequest) -> HttpResponseBase:
        if request.GET.get("export"):
            return export_page(request, self.reading, self)
        if not request.GET and not is_partial(request) and self.reading.default_view:
            return redirect(f"{request.path}?view={self.reading.default_view.slug}")
        return self.show()

    def post(self, request: PortalRequest) -> HttpResponse:
        if "view_verb" in request.POST:
            return saved_views.answer(self.reading, request)
        if "export" in request.POST:
            return order_page(request, self.reading)
        return self.act_on_rows(request)

    def act_on_rows(self, request: PortalRequest) -> HttpResponse:
        """A bulk action: see BulkRequest."""
        return BulkRequest(self, request).answer()

    @cached_property
    def reading(self) -> Reading:
        return Reading(self.listing, self.request.GET, who=self.request.member, project=self.request.project)

    def show(self) -> HttpResponse:
        if self.live and self.request.headers.get("HX-Target") == "list-live":
            return self.refreshed()
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

    def refreshed(self) -> HttpResponse:
        """What changes while the page is open."""
        if "view" in self.request.GET:
            # Somebody's own: another's of this name is another list.
            return render(self.request, self.live_name, self.live_context())
        return live_part(self.request, self.live_name, self.live_context)

    def live_context(self) -> dict[str, Any]:
        return {"page": self, "list": Display(self.request, self.reading), "is_refresh": True}

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
