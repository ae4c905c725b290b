"""Deploy, roll back and scale agents."""

from __future__ import annotations

from django.utils import timezone

from agents import events
from agents.catalogue import saving as catalogue
from agents.deployments import domain as deploying
from agents.models import Agent, Deployment, Revision
from controlplane.domain.action import Actor, action
from controlplane.domain.errors import ActionRefused
from controlplane.domain.recording import record


@action(label="Deploy", role="editor", icon="deploy")
def deploy_agent(agent: Agent, *, environment: str, revision: Revision, note: str = "", by: Actor) -> Deployment:
    """Runs of `environment` that start from now on use this version. Raises InvalidInput, ActionRefused."""
    deploying.check_environment(environment)
    catalogue.lock(agent, None)
    now = deploying.in_force(agent)[environment]
    if now is not None and now.revision_id == revision.pk:
        raise ActionRefused(f"Version {revision.number} of {agent.name} serves {environment} already.")
    given = {"agent": agent, "environment": environment, "revision": revision, "note": note}
    made = Deployment.objects.create(**given, deployed_by=by.name)
    facts = {"environment": environment, "version_no": revision.number, "note": note}
    record(events.AGENT_DEPLOYED, agent, by=by, name=agent.name, **facts)
    return made


@action(label="Roll back", role="editor", confirm="Go back to the version before?", icon="history")
def roll_back_agent(agent: Agent, *, environment: str, by: Actor) -> Deployment:
    """Deploy what served `environment` before. Raises InvalidInput, ActionRefused."""
    deploying.check_environment(environment)
    catalogue.lock(agent, None)
    before = deploying.one_before(agent, environment)
    note = f"Back to version {before.revision.number}"
    return deploy_agent(agent, environment=environment, revision=before.revision, note=note, by=by)


@action(label="Scale", role="operator", icon="gauge")
def scale_agent(agent: Agent, *, least: int, most: int, desired: int, by: Actor) -> Agent:
    """`desired` replicas from now on; the sweeper keeps between `least` and `most`. Raises InvalidInput."""
    deploying.check_scale(least, most, desired)
    agent = catalogue.lock(agent, None)
    before = agent.max_concurrent
    agent.min_replicas, agent.max_replicas, agent.max_concurrent = least, most, desired
    agent.scaled_at, agent.scale_reason = timezone.now(), f"{by.name} asked for it"
    agent.save(update_fields=["min_replicas", "max_replicas", "max_concurrent", "scaled_at", "scale_reason"])
    catalogue.fit_slot(agent)
    facts = {"before": before, "replicas": desired, "least": least, "most": most, "reason": agent.scale_reason}
    record(events.AGENT_SCALED, agent, by=by, name=agent.name, **facts)
    return agent
