"""The events this app records."""

STARTED = "operation.started"  # one that goes on in the background
CANCELLED = "operation.cancelled"  # what was not done yet stays undone
UNDONE = "operation.undone"  # another operation takes its changes back
