"""The events this app records."""

PARCEL_SENT = "parcel.sent"  # it left the house
