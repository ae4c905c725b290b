"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Beginning, Entry, Look, Portal, Section, Subject, Sweep, Words

PORTAL = Portal(
    navigation=(
        Entry("Agents", "agent", "agents:list", 10, Section.RESOURCES),
        Entry("Tools", "tool", "agents:tool_list", 20, Section.RESOURCES),
        Entry("Instances", "instance", "agents:instance_list", 30, Section.RESOURCES),
    ),
    beginnings=(
        Beginning("New agent", "agent", "agents:new", 40),
        Beginning("New tool", "tool", "agents:tool_new", 50),
        Beginning("New instance", "instance", "agents:instance_new", 60),
    ),
    subjects=(
        Subject("agent", "agents:detail", model="agents.Agent", place=30),
        Subject("tool", "agents:tool_detail", model="agents.Tool", place=40),
        Subject("instance", "agents:instance_detail", model="agents.Instance", place=50),
    ),
    words={f"{kind}.updated": Words("changed") for kind in ("agent", "tool", "instance")},
    looks={
        "healthy": Look("Healthy", "success", "health"),
        "degraded": Look("Degraded", "warning", "alert"),
        "unhealthy": Look("Unhealthy", "danger", "error"),
        "unreachable": Look("Unreachable", "danger", "error"),
    },
    lists={
        "tools": "agents.catalogue.listing.TOOLS",
        "agents": "agents.catalogue.listing.AGENTS",
        "instances": "agents.catalogue.listing.INSTANCES",
    },
    sweeps=(
        Sweep("probes", "agents.health.domain.ask_due_probes"),
        Sweep("trials", "agents.trials.sweep.tend_trials"),
    ),
    dependents=("agents.catalogue.dependents.find_dependents",),
)
