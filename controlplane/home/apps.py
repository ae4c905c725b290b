from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "controlplane.home"

    def ready(self) -> None:
        from controlplane.home.monitoring import checks  # noqa: F401 - registers them
