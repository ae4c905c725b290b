from django.apps import AppConfig


class ProbeConfig(AppConfig):
    name = "tests.events"
    label = "probe"
