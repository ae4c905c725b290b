from django.apps import AppConfig

from controlplane.domain import recording


class EventsConfig(AppConfig):
    name = "controlplane.events"
    label = "events"

    def ready(self) -> None:
        from controlplane.events.recorder import record_event

        recording.install(record_event)
