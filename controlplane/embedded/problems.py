"""What stops a start: one sentence for the person at the terminal, never a traceback."""

from __future__ import annotations


class CannotStart(Exception):
    """The reason and what to do about it."""
