"""From / to the project a person was in last, or their first."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from controlplane.domain.errors import NotFound
from controlplane.projects.models import Project
from controlplane.ui.request import PortalRequest
from controlplane.ui.signed_out import for_people


@require_safe
@for_people
def landing(request: PortalRequest) -> HttpResponse:
    projects = Project.objects.visible_to(request.access)
    project = projects.filter(slug=request.COOKIES.get("project", "")).first() or projects.first()
    if project is None:
        raise NotFound("You are not a member of any project yet. Ask an administrator to add you.")
    return redirect("home:overview", project=project.slug)
