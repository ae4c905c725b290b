"""Pages of runs, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from runs import views
from runs.compare import page as comparison_page
from runs.figures import views as figures
from runs.list.listing import RunList
from runs.replay import page as replay_page
from runs.start import page as starting

app_name = "runs"

urlpatterns = [
    path("runs/", RunList.as_view(), name="list"),
    path("runs/new", starting.RunNew.as_view(), name="new"),
    path("runs/compare", comparison_page.compare, name="compare"),
    path("runs/<int:pk>/", views.detail, name="detail"),
    path("runs/<int:pk>/parts/<slug:name>", views.part, name="part"),
    path("runs/<int:pk>/steps/<int:step_pk>/", views.step, name="step"),
    path("runs/<int:pk>/steps/<int:step_pk>/review", views.review, name="review"),
    path("runs/<int:pk>/steps/<int:step_pk>/signal", views.signal, name="signal"),
    path("runs/<int:pk>/log/lines", views.lines, name="lines"),
    path("runs/<int:pk>/log.txt", views.log_file, name="log_file"),
    path("runs/<int:pk>/stream", views.events_after, name="events_after"),
    path("runs/<int:pk>/artifacts/<int:artifact_pk>", views.artifact, name="artifact"),
    path("runs/<int:pk>/retry", views.retry, name="retry"),
    path("runs/<int:pk>/replay", replay_page.replay, name="replay"),
    path("runs/<int:pk>/control/<slug:verb>", views.control, name="control"),
    path("runs/<int:pk>/<slug:tab>/", views.detail, name="tab"),
    # workflows/<id>/
    path("workflows/<int:pk>/figures", figures.workflow_figures, name="workflow_figures"),
    # agents/<id>/ and tools/<id>/
    path("agents/<int:pk>/usage", figures.agent_usage, name="agent_usage"),
    path("tools/<int:pk>/usage", figures.tool_usage, name="tool_usage"),
]
