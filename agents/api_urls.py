"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from agents import api
from controlplane.projects.routes import endpoint

urlpatterns = [
    # /agents
    endpoint("agents", api.Agents.as_view(), "agents"),
    endpoint("agents.csv", api.AgentsCsv.as_view(), "agents_csv"),
    endpoint("agents/bulk", api.AgentsBulk.as_view(), "agents_bulk"),
    endpoint("agents/<int:pk>", api.OneAgent.as_view(), "agent"),
    endpoint("agents/<int:pk>/test", api.AgentTrial.as_view(), "agent_test"),
    endpoint("agents/<int:pk>/health", api.AgentHealth.as_view(), "agent_health"),
    # /tools
    endpoint("tools", api.Tools.as_view(), "tools"),
    endpoint("tools.csv", api.ToolsCsv.as_view(), "tools_csv"),
    endpoint("tools/<int:pk>", api.OneTool.as_view(), "tool"),
    endpoint("tools/<int:pk>/test", api.ToolTrial.as_view(), "tool_test"),
    endpoint("tools/<int:pk>/health", api.ToolHealth.as_view(), "tool_health"),
    # /instances
    endpoint("instances", api.Instances.as_view(), "instances"),
    endpoint("instances.csv", api.InstancesCsv.as_view(), "instances_csv"),
    endpoint("instances/<int:pk>", api.OneInstance.as_view(), "instance"),
    endpoint("instances/<int:pk>/test", api.InstanceTrial.as_view(), "instance_test"),
]
