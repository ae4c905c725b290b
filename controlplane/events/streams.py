"""Which things have a stream of their own. Apps above register theirs, because this layer does not know them."""

from __future__ import annotations

from collections.abc import Callable

# (id) -> the id of the project the thing is in, or None when there is no such thing. Called in a thread; may query.
Resolver = Callable[[int], int | None]

_resolvers: dict[str, Resolver] = {}


def register(kind: str, resolver: Resolver) -> None:
    """Serve `/ws/<kind>s/<id>`: events whose `subject_kind` is `kind`, to those who may see the thing's project."""
    _resolvers[kind] = resolver


def project_of(kind: str, subject_id: int) -> int | None:
    """The project of the thing, or None for an unknown kind or thing."""
    resolver = _resolvers.get(kind)
    return resolver(subject_id) if resolver else None
