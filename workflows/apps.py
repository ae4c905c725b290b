from django.apps import AppConfig

from controlplane.listing import known


class WorkflowsConfig(AppConfig):
    name = "workflows"

    def ready(self) -> None:
        from agents import dependents
        from workflows.dependencies import find_dependents

        known.register(workflows="workflows.lists.WORKFLOWS")
        dependents.register(find_dependents)
