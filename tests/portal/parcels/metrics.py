from parcels.models import Parcel
from prometheus_client.core import GaugeMetricFamily


def measure():
    yield GaugeMetricFamily("sparkops_parcels", "Parcels of all projects.", Parcel.objects.count())
