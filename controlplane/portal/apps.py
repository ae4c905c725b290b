from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "controlplane.portal"
    label = "portal"

    def ready(self) -> None:
        from controlplane.portal import registry

        registry.gather()
