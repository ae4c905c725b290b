"""Jobs over JSON."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.jobs import actions
from controlplane.jobs import serializers as shapes
from controlplane.jobs.models import Job
from controlplane.jobs.views import csv_of
from controlplane.jobs.work import work
from controlplane.projects.endpoints import PAGING, Endpoint, shown


class JobEndpoint(Endpoint):
    """The base of everything below /jobs/ID."""

    serializer_class: type[serializers.Serializer] = shapes.RefusedJobSerializer

    def job(self, pk: int) -> Job:
        return self.find(Job.objects.started().select_related("project", "undone_by"), pk=pk)

    def answer(self, job: Job) -> Response:
        return Response(shown(shapes.RefusedJobSerializer, self.job(job.pk)), status=202 if job.is_live else 200)


class Jobs(Endpoint):
    serializer_class = shapes.JobSerializer
    parameters = ("project", *PAGING)

    @extend_schema(responses=shapes.JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The jobs of a project, the oldest first; they are kept for thirty days."""
        project = self.project(request.query_params.get("project"))
        jobs = Job.objects.visible_to(self.access).filter(project=project).started()
        jobs = jobs.select_related("project", "undone_by")
        return self.page(jobs, shapes.JobSerializer)


class OneJob(JobEndpoint):
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, and why rows were refused."""
        return Response(shown(shapes.RefusedJobSerializer, self.job(pk)))


class Rows(JobEndpoint):
    serializer_class: type[serializers.Serializer] = shapes.JobRowSerializer
    parameters = PAGING

    @extend_schema(responses=shapes.JobRowSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """What became of each row."""
        return self.page(self.job(pk).rows.all(), shapes.JobRowSerializer)


class RowsCsv(JobEndpoint):
    @extend_schema(responses={(200, "text/csv"): str})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """What became of each row: `id,status,detail`."""
        return csv_of(self.job(pk))


class Cancellation(JobEndpoint):
    @extend_schema(request=None, responses=shapes.RefusedJobSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Stop before the next row. What is done stays done."""
        job = self.job(pk)
        return self.answer(actions.cancel_job(job, by=self.actor(job)))


class Undo(JobEndpoint):
    @extend_schema(request=None, responses={200: shapes.RefusedJobSerializer, 202: shapes.RefusedJobSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Take back what the job changed, for fifteen minutes after its end: a job of its own."""
        job = self.job(pk)
        job = actions.undo_job(job, by=self.actor(job))
        if not actions.in_background(job):
            work(job.pk)
            job.refresh_from_db()
        return self.answer(job)
