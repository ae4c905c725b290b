from django.apps import AppConfig

from controlplane.events import streams
from controlplane.listing import known


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self) -> None:
        from runs.queries import project_of_run

        known.register(runs="runs.lists.RUNS")
        streams.register("run", project_of_run)
