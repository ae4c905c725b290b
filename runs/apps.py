from django.apps import AppConfig

from controlplane.events import streams


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self) -> None:
        from runs.queries import project_of_run

        streams.register("run", project_of_run)
