"""The events this app records."""

STARTED = "job.started"  # one that goes on in the background
CANCELLED = "job.cancelled"  # what was not done yet stays undone
UNDONE = "job.undone"  # another job takes its changes back
