"""Who does the work and with what: agents, tools, instances; and the slots that bound how much at once."""

from agents.models.catalogued import LARGE, Catalogued, CatalogueQuerySet, Environment, Probed, from_one_to
from agents.models.entries import Agent, AgentKind, Engine, Instance, Tool, ToolKind
from agents.models.slots import Slot
from agents.models.trials import Trial, TrialState, TrialSubject
from agents.models.versions import Deployment, Revision

__all__ = [
    "LARGE",
    "Agent",
    "AgentKind",
    "CatalogueQuerySet",
    "Catalogued",
    "Deployment",
    "Engine",
    "Environment",
    "Instance",
    "Probed",
    "Revision",
    "Slot",
    "Tool",
    "ToolKind",
    "Trial",
    "TrialState",
    "TrialSubject",
    "from_one_to",
]
