"""What all apps declared, gathered once at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any, TypeVar

from django.apps import apps
from django.utils.module_loading import import_string, module_has_submodule

from controlplane.portal.descriptor import Beginning, Entry, Look, Path, Portal, Subject, Sweep, Words

T = TypeVar("T")


class DeclaredTwice(Exception):
    """Two declarations have one name; the message says which apps made them."""


class Declared(dict[str, T]):
    """Declarations of one sort by name. Raises DeclaredTwice for a name that is taken."""

    def __init__(self, sort: str) -> None:
        super().__init__()
        self.sort = sort
        self.owners: dict[str, str] = {}

    def add(self, name: str, one: T, owner: str) -> None:
        if name in self:
            raise DeclaredTwice(f"{owner} and {self.owners[name]} both declare {name!r} in {self.sort}.")
        self[name], self.owners[name] = one, owner


navigation: Declared[Entry] = Declared("navigation")
beginnings: Declared[Beginning] = Declared("beginnings")
subjects: Declared[Subject] = Declared("subjects")
words: Declared[Words] = Declared("words")
looks: Declared[Look] = Declared("looks")
lists: Declared[Path] = Declared("lists")
operations: Declared[Path] = Declared("operations")
streams: Declared[Path] = Declared("streams")
sweeps: Declared[Sweep] = Declared("sweeps")
dependents: Declared[Path] = Declared("dependents")
metrics: Declared[Path] = Declared("metrics")
reactions: Declared[Path] = Declared("reactions")
SORTS: dict[str, Declared[Any]] = {
    one.sort: one
    for one in (
        navigation, beginnings, subjects, words, looks, lists, operations, streams, sweeps, dependents, metrics,
        reactions,
    )
}  # fmt: skip


def gather() -> None:
    """Read the `portal.py` of every installed app that has one."""
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "portal"):
            declared = getattr(import_module(f"{app.name}.portal"), "PORTAL", None)
            if isinstance(declared, Portal):
                take_declarations(declared, app.name)


def take_declarations(portal: Portal, owner: str) -> None:
    """Raises DeclaredTwice."""
    for one in fields(portal):
        for name, declared in named(getattr(portal, one.name)):
            SORTS[one.name].add(name, declared, owner)


def named(declared: Mapping[str, Any] | Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """Mappings have names of their own; else a declaration is known by its page, kind or name, and a path by itself."""
    if isinstance(declared, Mapping):
        return declared.items()
    return [(one if isinstance(one, str) else name_of(one), one) for one in declared]


def name_of(one: Entry | Beginning | Subject | Sweep) -> str:
    if isinstance(one, Subject):
        return one.kind
    return one.name if isinstance(one, Sweep) else one.view


def in_place(sort: Declared[Any]) -> list[Any]:
    """Small places first."""
    return sorted(sort.values(), key=lambda one: one.place)


def load(path: Path) -> Any:
    return import_string(path)
