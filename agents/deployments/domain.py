"""Which version of an agent serves which environment, and how many replicas it has."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, QuerySet

from agents.models import Agent, Deployment, Environment
from controlplane.domain.errors import ActionRefused, InvalidInput

MOST_REPLICAS = 1_000


def deployed_revisions(project_id: int, names: Collection[str], environment: str) -> dict[str, int]:
    """Name of an agent -> id of the revision that serves `environment`, for those that were deployed there."""
    rows = Deployment.objects.filter(agent__project_id=project_id, agent__name__in=names, environment=environment)
    latest = rows.order_by("agent_id", "-id").distinct("agent_id")
    return dict(latest.values_list("agent__name", "revision_id"))


def deployments_in_force(project_id: int) -> QuerySet[Deployment]:
    """What serves each environment now, of all agents of the project."""
    rows = Deployment.objects.filter(agent__project_id=project_id).order_by("agent_id", "environment", "-id")
    return Deployment.objects.filter(pk__in=rows.distinct("agent_id", "environment").values("pk"))


def in_force(agent: Agent) -> dict[str, Deployment | None]:
    """Environment -> what serves it; None where it is always the newest version."""
    latest = agent.deployments.order_by("environment", "-id").distinct("environment").select_related("revision")
    found = {one.environment: one for one in latest}
    return {environment: found.get(environment) for environment in Environment.values}


def can_go_back(agent: Agent) -> set[str]:
    """The environments where `one_before` finds one: another version served them before."""
    rows = agent.deployments.order_by().values("environment").annotate(revisions=Count("revision", distinct=True))
    return set(rows.filter(revisions__gt=1).values_list("environment", flat=True))


def one_before(agent: Agent, environment: str) -> Deployment:
    """What served `environment` before the version that serves it now. Raises ActionRefused."""
    rows = agent.deployments.filter(environment=environment).select_related("revision")
    now = rows.first()
    before = None if now is None else rows.exclude(revision=now.revision_id).filter(pk__lt=now.pk).first()
    if before is None:
        raise ActionRefused(f"There is no earlier deployment of {agent.name} in {environment} to go back to.")
    return before


def check_environment(environment: str) -> None:
    if environment not in Environment.values:
        raise InvalidInput.field("environment", f"Choose one of {', '.join(Environment.values)}.", "choice")


def check_scale(least: int, most: int, desired: int) -> None:
    """Raises InvalidInput naming the field."""
    for name, value in (("min", least), ("max", most), ("desired", desired)):
        if not 1 <= value <= MOST_REPLICAS:
            raise InvalidInput.field(name, f"This is a whole number from 1 to {MOST_REPLICAS:,}.")
    if least > most:
        raise InvalidInput.field("min", "This is at most the maximum.")
    if not least <= desired <= most:
        raise InvalidInput.field("desired", f"This lies between {least} and {most}.")


def refuse_beyond_scale(agent: Agent, replicas: int | None) -> None:
    """Another number of replicas lies within the limits of scaling, where those are set. Raises InvalidInput."""
    least, most = agent.min_replicas, agent.max_replicas
    if least is None or most is None or replicas == agent.max_concurrent:
        return
    if not isinstance(replicas, int) or not least <= replicas <= most:
        message = f"It is scaled between {least} and {most} replicas; change that first."
        raise InvalidInput.field("max_concurrent", message)
