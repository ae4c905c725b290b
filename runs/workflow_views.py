"""What pages of workflows show about runs: fetched by them, because a workflow knows no runs."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from controlplane.domain.errors import NotFound
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest
from runs.figures import window_name
from runs.workflow_charts import FiguresPage
from workflows.models import Workflow


@require_GET
def figures(request: PortalRequest, pk: int) -> HttpResponse:
    """Success, durations and cost over `?window=`: a part of the workflow's page, or a page."""
    rows = Workflow.objects.visible_to(request.member).select_related("project")
    workflow = rows.filter(pk=pk).first()
    if workflow is None:
        raise NotFound("There is no such workflow, or it is not yours to see.")
    template = "runs/_workflow_figures.html" if is_partial(request) else "runs/workflow_figures.html"
    page = FiguresPage(workflow, window_name(request.GET.get("window", "")))
    return render(request, template, {"page": page, "workflow": workflow})
