"""What a list page answers to its bulk bar: a preview of the frozen set, then the outcome or the way there."""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import InvalidInput, NotAllowed, NotFound
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.bulk.arguments import arguments_of
from controlplane.listing.declaration.fields import is_id
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.reading.request import Reading
from controlplane.operations.actions import in_background
from controlplane.operations.carrying.counting import reasons
from controlplane.operations.models import Operation, OperationState
from controlplane.ui.htmx import is_partial, redirect_whole_page
from controlplane.ui.request import PortalRequest

LEVELS = {"success": messages.SUCCESS, "warning": messages.WARNING, "danger": messages.ERROR}


class Page(Protocol):
    listing: Listing

    @property
    def reading(self) -> Reading: ...

    def show(self) -> HttpResponse: ...


class BulkRequest:
    """One POST of a list.

    `preview` (a verb's name) with `selected` ids, or `all_matching` and the page's mark `frozen`, freezes the set and
    shows what would happen; `operation` with the verb's arguments carries it out. `action` does both at once.
    """

    def __init__(self, page: Page, request: PortalRequest) -> None:
        self.page, self.request, self.posted = page, request, request.POST
        self.member, self.project = request.member, request.project

    def answer(self) -> HttpResponse:
        if "preview" in self.posted:
            verb = allowed_action(self.page.listing, self.posted["preview"], by=self.member)
            return self.show_preview(self.draft(verb), verb)
        if "operation" in self.posted:
            operation = self.find_draft()
            return self.start_and_answer(operation, allowed_action(self.page.listing, operation.action, by=self.member))
        verb = allowed_action(self.page.listing, self.posted.get("action", ""), by=self.member)
        arguments_of(verb, self.posted)
        return self.start_and_answer(self.draft(verb), verb)

    def draft(self, verb: AnyAction) -> Operation:
        return bulk.draft(self.page.listing, verb, self.selection(), project=self.project, by=self.member)

    def selection(self) -> list[int] | QuerySet:
        """The rows that are meant: ids, or all that match and were there when the page was drawn."""
        if self.posted.get("all_matching"):
            return bulk.up_to_cutoff(self.page.reading.ordered, self.posted.get("frozen", ""))
        return bulk.ids_of(self.posted.getlist("selected"))

    def find_draft(self) -> Operation:
        """Raises NotFound for one of another list, project or person, and for one that was started."""
        pk = self.posted["operation"]
        drafts = Operation.objects.visible_to(self.member).filter(
            state=OperationState.DRAFT, subject=self.page.listing.noun
        )
        operation = drafts.select_related("project").one_or_none(pk=int(pk)) if is_id(pk) else None
        if operation is None:
            raise NotFound("This was carried out already, or is too old. Select the rows again.")
        return operation

    def show_preview(self, operation: Operation, verb: AnyAction) -> HttpResponse:
        shown = bulk.preview_of(operation, self.page.listing, verb, by=self.member)
        context = {"preview": shown, "page": self.page, "here": self.request.get_full_path()}
        if not is_partial(self.request):
            return render(self.request, "listing/bulk_page.html", context)
        response = render(self.request, "listing/_bulk_dialog.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#list-outcome", "outerHTML"
        return response

    def start_and_answer(self, operation: Operation, verb: AnyAction) -> HttpResponse:
        operation = bulk.start(operation, by=self.member, arguments=arguments_of(verb, self.posted))
        if in_background(operation):
            url = reverse("operations:detail", kwargs={"project": self.project.slug, "pk": operation.pk})
            return redirect_whole_page(url) if is_partial(self.request) else redirect(url)
        if is_partial(self.request):
            return self.show_outcome(operation)
        messages.add_message(self.request, LEVELS[tone_of(operation)], in_full(operation))
        return redirect(self.request.get_full_path())

    def show_outcome(self, operation: Operation) -> HttpResponse:
        response = self.page.show()
        response.write(
            render_to_string("listing/_outcome.html", outcome_of(operation, self.request), request=self.request)
        )
        return response


def allowed_action(listing: Listing, name: str, *, by: Any) -> AnyAction:
    """Raises InvalidInput for a name that the list does not have, NotAllowed when the role does not reach it."""
    verb = listing.bulk_action(name)
    if verb is None:
        raise InvalidInput.field("action", "There is no such action on this list.")
    if not verb.reaches(by):
        raise NotAllowed(f"{verb.label} needs the role {verb.role} in this project.")
    return verb


def outcome_of(operation: Operation, request: HttpRequest | PortalRequest) -> dict[str, Any]:
    """For _outcome.html."""
    return {
        "operation": operation,
        "tone": tone_of(operation),
        "reasons": reasons(operation),
        "here": request.get_full_path(),
    }


def tone_of(operation: Operation) -> str:
    """`danger` when nothing was done, `warning` when some of it was."""
    if not operation.refused:
        return "success"
    return "warning" if operation.done else "danger"


def in_full(operation: Operation) -> str:
    """The summary with the reasons and the first ids of each, as one text."""
    found = [
        f"{why} ({', '.join(map(str, ids[:5]))}{more(number - 5)})" for why, number, ids in reasons(operation, most=5)
    ]
    return " ".join([operation.summary, *found])


def more(number: int) -> str:
    return f" and {number:,} more" if number > 0 else ""
