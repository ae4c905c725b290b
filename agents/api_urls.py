"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from typing import Any

from agents.catalogue import api, versions
from agents.deployments import page as operating
from agents.models import Agent, Tool
from controlplane.listing.page.api_urls import list_endpoints
from controlplane.projects.requests.routes import endpoint


def version_endpoints(word: str, model: type[Tool] | type[Agent]) -> list[Any]:
    at = f"{word}s/<int:pk>"
    return [
        endpoint(f"{at}/versions", versions.Versions.as_view(model=model), f"{word}_versions"),
        endpoint(f"{at}/versions/<int:number>/restore", versions.Restoration.as_view(model=model), f"{word}_restore"),
        endpoint(f"{at}/diff", versions.RevisionDiff.as_view(model=model), f"{word}_diff"),
    ]


urlpatterns = [
    # /agents
    *list_endpoints(api.Agents),
    endpoint("agents/<int:pk>", api.OneAgent.as_view(), "agent"),
    endpoint("agents/<int:pk>/test", api.AgentTrial.as_view(), "agent_test"),
    endpoint("agents/<int:pk>/health", api.AgentHealth.as_view(), "agent_health"),
    *version_endpoints("agent", Agent),
    endpoint("agents/<int:pk>/deploy", operating.Deploy.as_view(), "agent_deploy"),
    endpoint("agents/<int:pk>/deployments", operating.Deployments.as_view(), "agent_deployments"),
    endpoint("agents/<int:pk>/scale", operating.Scale.as_view(), "agent_scale"),
    # /tools
    *list_endpoints(api.Tools),
    endpoint("tools/<int:pk>", api.OneTool.as_view(), "tool"),
    endpoint("tools/<int:pk>/test", api.ToolTrial.as_view(), "tool_test"),
    endpoint("tools/<int:pk>/health", api.ToolHealth.as_view(), "tool_health"),
    *version_endpoints("tool", Tool),
    endpoint("tools/<int:pk>/limits", api.ToolLimits.as_view(), "tool_limits"),
    # /instances
    *list_endpoints(api.Instances),
    endpoint("instances/<int:pk>", api.OneInstance.as_view(), "instance"),
    endpoint("instances/<int:pk>/test", api.InstanceTrial.as_view(), "instance_test"),
]
