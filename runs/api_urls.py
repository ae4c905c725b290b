"""Endpoints of runs, under /api/v1/."""

from __future__ import annotations

from controlplane.listing.page.api_urls import list_endpoints
from controlplane.projects.requests.routes import endpoint
from runs import api
from runs.compare import api as comparison_api
from runs.detail import api as detail_api
from runs.export import api as export_api
from runs.external import api as task_api
from runs.figures import api as figures
from runs.list import api as list_api
from runs.replay import api as replay_api
from runs.start import api as start_api

urlpatterns = [
    *list_endpoints(start_api.Runs),
    endpoint("runs/compare", comparison_api.Compare.as_view(), "runs_compare"),
    endpoint("runs/<int:pk>", api.OneRun.as_view(), "run"),
    endpoint("runs/<int:pk>/export", export_api.RunExport.as_view(), "run_export"),
    endpoint("runs/<int:pk>/steps.csv", export_api.StepsCsv.as_view(), "run_steps_csv"),
    endpoint("runs/<int:pk>/steps.xlsx", export_api.StepsWorkbook.as_view(), "run_steps_xlsx"),
    endpoint("runs/<int:pk>/cancel", api.Cancellation.as_view(), "run_cancel"),
    endpoint("runs/<int:pk>/pause", api.Pause.as_view(), "run_pause"),
    endpoint("runs/<int:pk>/resume", api.Resumption.as_view(), "run_resume"),
    endpoint("runs/<int:pk>/retry", api.Retry.as_view(), "run_retry"),
    endpoint("runs/<int:pk>/replay", replay_api.Replay.as_view(), "run_replay"),
    endpoint("runs/<int:pk>/steps", detail_api.Steps.as_view(), "run_steps"),
    endpoint("runs/<int:pk>/steps/<int:step_pk>", detail_api.OneStep.as_view(), "run_step"),
    endpoint("runs/<int:pk>/steps/<int:step_pk>/review", detail_api.StepReview.as_view(), "step_review"),
    endpoint("runs/<int:pk>/steps/<int:step_pk>/signal", detail_api.StepSignal.as_view(), "step_signal"),
    endpoint("runs/<int:pk>/logs", detail_api.Logs.as_view(), "run_logs"),
    endpoint("runs/<int:pk>/events", detail_api.Events.as_view(), "run_events"),
    endpoint("runs/<int:pk>/artifacts", detail_api.Artifacts.as_view(), "run_artifacts"),
    endpoint("runs/<int:pk>/artifacts/<int:artifact_pk>", detail_api.OneArtifact.as_view(), "run_artifact"),
    endpoint("workflows/<int:pk>/test", start_api.WorkflowTest.as_view(), "workflow_test"),
    endpoint("workflows/<int:pk>/runs", list_api.RunsOfWorkflow.as_view(), "workflow_runs"),
    endpoint("agents/<int:pk>/runs", list_api.RunsOfAgent.as_view(), "agent_runs"),
    # Figures.
    endpoint("workflows/<int:pk>/figures", figures.FiguresOfWorkflow.as_view(), "workflow_figures"),
    endpoint("workflows/<int:pk>/figures.csv", figures.FiguresOfWorkflowCsv.as_view(), "workflow_figures_csv"),
    endpoint("agents/<int:pk>/metrics", figures.MetricsOfAgent.as_view(), "agent_metrics"),
    endpoint("agents/<int:pk>/metrics.csv", figures.MetricsOfAgentCsv.as_view(), "agent_metrics_csv"),
    endpoint("tools/<int:pk>/usage", figures.UsageOfTool.as_view(), "tool_usage"),
    endpoint("tools/<int:pk>/usage.csv", figures.UsageOfToolCsv.as_view(), "tool_usage_csv"),
    # Runs that execute elsewhere.
    *list_endpoints(task_api.Tasks),
    endpoint("tasks/<int:pk>", task_api.OneTask.as_view(), "task"),
]
