"""The pages of jobs: those of late, and one with its progress."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from controlplane.domain.errors import NotFound
from controlplane.jobs import actions
from controlplane.jobs.actors import is_mine
from controlplane.jobs.counting import reasons
from controlplane.jobs.models import Job
from controlplane.jobs.results import result_csv
from controlplane.jobs.work import work
from controlplane.projects.actors import Actor
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest

SHOWN = 100


def find_job(request: PortalRequest, pk: int) -> Job:
    job = Job.objects.visible_to(request.member).started().select_related("project", "undone_by").one_or_none(pk=pk)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def may_change(job: Job, member: Actor) -> bool:
    return is_mine(job, member) or member.may("admin", job.project)


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    jobs = Job.objects.visible_to(request.member).started().select_related("project")[:SHOWN]
    return render(request, "jobs/list.html", {"jobs": jobs})


@require_safe
def detail(request: PortalRequest, pk: int) -> HttpResponse:
    """Asked by HTMX, its progress alone."""
    job = find_job(request, pk)
    context = {
        "job": job, "reasons": reasons(job), "may_change": may_change(job, request.member), "cancel": actions.cancel_job
    }  # fmt: skip
    return render(request, "jobs/_progress.html" if is_partial(request) else "jobs/detail.html", context)


@require_safe
def result(request: PortalRequest, pk: int) -> HttpResponse:
    return csv_of(find_job(request, pk))


def csv_of(job: Job) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="job-{job.pk}.csv"'}
    return HttpResponse(result_csv(job), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
def cancel(request: PortalRequest, pk: int) -> HttpResponse:
    job = actions.cancel_job(find_job(request, pk), by=request.member)
    messages.success(request, f"Stopped. {job.summary}")
    return redirect("jobs:detail", project=request.project.slug, pk=pk)


@require_POST
def undo(request: PortalRequest, pk: int) -> HttpResponse:
    """Back to `next` when it was done at once, else to the new job."""
    job = actions.undo_job(find_job(request, pk), by=request.member)
    if not actions.in_background(job):
        work(job.pk)
        job.refresh_from_db()
        messages.success(request, job.summary)
        if back := safe_next(request):
            return redirect(back)
    return redirect("jobs:detail", project=request.project.slug, pk=job.pk)


def safe_next(request: HttpRequest) -> str:
    """Where the form says, if that is here."""
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""
