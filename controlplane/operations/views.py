"""The pages of operations: those of late, and one with its progress."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from controlplane.domain.errors import NotFound
from controlplane.operations import actions
from controlplane.operations.carrying.counting import reasons
from controlplane.operations.carrying.results import result_csv
from controlplane.operations.carrying.work import work
from controlplane.operations.models import Operation
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest

SHOWN = 100


def find_operation(request: PortalRequest, pk: int) -> Operation:
    operation = (
        Operation.objects.visible_to(request.member).started().select_related("project", "undone_by").one_or_none(pk=pk)
    )
    if operation is None:
        raise NotFound("There is no such operation.")
    return operation


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    operations = Operation.objects.visible_to(request.member).started().select_related("project")[:SHOWN]
    return render(request, "operations/list.html", {"operations": operations})


@require_safe
def detail(request: PortalRequest, pk: int) -> HttpResponse:
    """Asked by HTMX, its progress alone."""
    operation = find_operation(request, pk)
    may_undo = actions.undo_operation.allowed(operation, request.member) is None
    context = {"operation": operation, "reasons": reasons(operation), "may_undo": may_undo}
    context |= {"cancel": actions.cancel_operation}
    return render(request, "operations/_progress.html" if is_partial(request) else "operations/detail.html", context)


@require_safe
def result(request: PortalRequest, pk: int) -> HttpResponse:
    return csv_of(find_operation(request, pk))


def csv_of(operation: Operation) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="operation-{operation.pk}.csv"'}
    return HttpResponse(result_csv(operation), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
def cancel(request: PortalRequest, pk: int) -> HttpResponse:
    operation = actions.cancel_operation(find_operation(request, pk), by=request.member)
    messages.success(request, f"Stopped. {operation.summary}")
    return redirect("operations:detail", project=request.project.slug, pk=pk)


@require_POST
def undo(request: PortalRequest, pk: int) -> HttpResponse:
    """Back to `next` when it was done at once, else to the new operation."""
    operation = actions.undo_operation(find_operation(request, pk), by=request.member)
    if not actions.in_background(operation):
        work(operation.pk)
        operation.refresh_from_db()
        messages.success(request, operation.summary)
        if back := safe_next(request):
            return redirect(back)
    return redirect("operations:detail", project=request.project.slug, pk=operation.pk)


def safe_next(request: HttpRequest) -> str:
    """Where the form says, if that is here."""
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""
