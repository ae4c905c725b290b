"""Which things have a stream of their own: those whose app declares how the project of one is found."""

from __future__ import annotations

from controlplane.portal.registry import load, streams


def project_of(kind: str, subject_id: int) -> int | None:
    """The project of the thing, or None for an unknown kind or thing. Queries."""
    path = streams.get(kind)
    return load(path)(subject_id) if path else None
