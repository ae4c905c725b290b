"""The lists by name, for work that goes on without their page. Loaded when somebody asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from controlplane.listing.declaration import Listing

_paths: dict[str, str] = {}


def register(**paths: str) -> None:
    """`register(runs="runs.lists.RUNS")`: the list's noun, and where its declaration stands."""
    _paths.update(paths)


def names() -> list[str]:
    return sorted(_paths)


def find_listing(noun: str) -> Listing:
    return import_string(_paths[noun])
