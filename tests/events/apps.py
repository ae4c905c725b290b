from django.apps import AppConfig

from controlplane.events import streams


class ProbeConfig(AppConfig):
    name = "tests.events"
    label = "probe"

    def ready(self) -> None:
        from tests.events.probe import KIND, project_of

        streams.register(KIND, project_of)
