from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        """Register the functions that tools and agents may call."""
        for module in ("agents.builtins", *settings.FUNCTION_MODULES):
            import_module(module)
