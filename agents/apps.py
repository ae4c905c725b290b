from importlib import import_module

from django.apps import AppConfig
from django.conf import settings

from controlplane.listing import known


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        """Say where the lists are, and register the functions that tools and agents may call."""
        known.register(tools="agents.lists.TOOLS", agents="agents.lists.AGENTS", instances="agents.lists.INSTANCES")
        for module in ("agents.builtins", *settings.FUNCTION_MODULES):
            import_module(module)
