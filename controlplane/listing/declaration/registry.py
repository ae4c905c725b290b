"""The lists by name, for work that goes on without their page. Loaded when somebody asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.portal.registry import lists, load

if TYPE_CHECKING:
    from controlplane.listing.declaration.listing import Listing


def list_names() -> list[str]:
    return sorted(lists)


def find_listing(noun: str) -> Listing:
    """Raises KeyError for a name that `list_names` does not have."""
    return load(lists[noun])
