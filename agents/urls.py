"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views import View

from agents.catalogue import page as views
from agents.catalogue import versions
from agents.catalogue.resources import AGENT, INSTANCE, TOOL, Resource
from agents.deployments import page as operating
from agents.trials import page as trying

app_name = "agents"


def pages_of(resource: Resource, listing: type[View], trial: type[View]) -> list[URLPattern]:
    """The same pages for each resource: /tools/, /tools/new, /tools/7/, /tools/7/edit, …"""
    at, name = resource.plural, resource.prefix
    given = {"resource": resource}
    return [
        path(f"{at}/", listing.as_view(), name=f"{name}list"),
        path(f"{at}/new", views.EntryNew.as_view(**given), name=f"{name}new"),
        path(f"{at}/<int:pk>/", views.EntryDetail.as_view(**given), name=f"{name}detail"),
        path(f"{at}/<int:pk>/edit", views.EntryEdit.as_view(**given), name=f"{name}edit"),
        path(f"{at}/<int:pk>/deletion", views.EntryDelete.as_view(**given), name=f"{name}delete"),
        path(f"{at}/<int:pk>/enabling", views.EntrySwitch.as_view(**given), name=f"{name}enable"),
        path(f"{at}/<int:pk>/disabling", views.EntrySwitch.as_view(**given, enabled=False), name=f"{name}disable"),
        path(f"{at}/<int:pk>/trial", trial.as_view(**given), name=f"{name}test"),
    ]


def pages_of_callable(resource: Resource) -> list[URLPattern]:
    """What tools and agents have, and instances have not."""
    at, name, given = resource.plural, resource.prefix, {"resource": resource}
    return [
        path(f"{at}/<int:pk>/health", views.EntryHealth.as_view(**given), name=f"{name}health"),
        path(f"{at}/<int:pk>/versions", versions.EntryVersions.as_view(**given), name=f"{name}versions"),
        path(f"{at}/<int:pk>/restoration", versions.EntryRestore.as_view(**given), name=f"{name}restore"),
    ]


urlpatterns = [
    *pages_of(AGENT, views.AgentList, trying.CallTrial),
    *pages_of_callable(AGENT),
    path("agents/<int:pk>/deployments", operating.AgentDeploy.as_view(), name="deploy"),
    path("agents/<int:pk>/scale", operating.AgentScale.as_view(), name="scale"),
    *pages_of(TOOL, views.ToolList, trying.CallTrial),
    *pages_of_callable(TOOL),
    path("tools/<int:pk>/limits", views.ToolLimits.as_view(), name="tool_limits"),
    *pages_of(INSTANCE, views.InstanceList, views.InstanceTrial),
]
