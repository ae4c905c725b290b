from django.apps import AppConfig

from controlplane.operations import kinds


class ListingConfig(AppConfig):
    name = "controlplane.listing"

    def ready(self) -> None:
        kinds.register("bulk", "controlplane.listing.bulk_work.carry_out")
        kinds.register("export", "controlplane.listing.export_work.carry_out")
