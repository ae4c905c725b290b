from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "controlplane.outbound"
