"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views import View

from agents.catalogue import page as views
from agents.catalogue import versions
from agents.catalogue.resources import AGENT, INSTANCE, TOOL, ResourcePageConfig
from agents.deployments import page as operating
from agents.trials import page as trials

app_name = "agents"


def pages_of(resource: ResourcePageConfig, listing: type[View], trial: type[View]) -> list[URLPattern]:
    """The same pages for each resource: /tools/, /tools/new, /tools/7/, /tools/7/edit, …"""
    at, name = resource.plural, resource.prefix
    given = {"resource": resource}
    return [
        path(f"{at}/", listing.as_view(), name=f"{name}list"),
        path(f"{at}/new", views.ResourceCreate.as_view(**given), name=f"{name}new"),
        path(f"{at}/<int:pk>/", views.ResourceDetail.as_view(**given), name=f"{name}detail"),
        path(f"{at}/<int:pk>/edit", views.ResourceEdit.as_view(**given), name=f"{name}edit"),
        path(f"{at}/<int:pk>/deletion", views.ResourceDelete.as_view(**given), name=f"{name}delete"),
        path(f"{at}/<int:pk>/enabling", views.ResourceToggle.as_view(**given), name=f"{name}enable"),
        path(f"{at}/<int:pk>/disabling", views.ResourceToggle.as_view(**given, enabled=False), name=f"{name}disable"),
        path(f"{at}/<int:pk>/trial", trial.as_view(**given), name=f"{name}test"),
    ]


def pages_of_callable(resource: ResourcePageConfig) -> list[URLPattern]:
    """What tools and agents have, and instances have not."""
    at, name, given = resource.plural, resource.prefix, {"resource": resource}
    return [
        path(f"{at}/<int:pk>/health", views.ResourceHealth.as_view(**given), name=f"{name}health"),
        path(f"{at}/<int:pk>/versions", versions.ResourceVersions.as_view(**given), name=f"{name}versions"),
        path(f"{at}/<int:pk>/restoration", versions.ResourceRestore.as_view(**given), name=f"{name}restore"),
    ]


urlpatterns = [
    *pages_of(AGENT, views.AgentList, trials.CallTrial),
    *pages_of_callable(AGENT),
    path("agents/<int:pk>/deployments", operating.AgentDeploy.as_view(), name="deploy"),
    path("agents/<int:pk>/scale", operating.AgentScale.as_view(), name="scale"),
    *pages_of(TOOL, views.ToolList, trials.CallTrial),
    *pages_of_callable(TOOL),
    path("tools/<int:pk>/limits", views.ToolLimits.as_view(), name="tool_limits"),
    *pages_of(INSTANCE, views.InstanceList, views.InstanceTrial),
]
