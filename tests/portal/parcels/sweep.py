from parcels.models import Parcel


def send_parcels() -> int:
    return Parcel.objects.filter(state="packed").update(state="sent")
