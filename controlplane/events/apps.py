from django.apps import AppConfig

from controlplane.domain import recording
from controlplane.portal.registry import load, reactions


class EventsConfig(AppConfig):
    name = "controlplane.events"
    label = "events"

    def ready(self) -> None:
        from controlplane.events.feed.recorder import record_event
        from controlplane.events.reactions import declared

        recording.install(record_event)
        declared.install(*map(load, reactions.values()))
