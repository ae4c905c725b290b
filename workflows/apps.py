from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"

    def ready(self) -> None:
        from agents import dependents
        from workflows.dependencies import find_dependents

        dependents.register(find_dependents)
