"""Which function reacts to which events. An app makes it with `reacts_to` and names it in its `portal.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from controlplane.events.models import Event

Function = Callable[[Event], object]
SHAPE = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
LONGEST_NAME = 100


@dataclass(frozen=True)
class Retry:
    """How often one event is tried before it is set aside, and the seconds between: 1, 2, 4 … at most `longest`.

    As it stands ten tries take about nine minutes: longer than most outages and restarts, and no longer than those who
    come behind can wait.
    """

    tries: int = 10
    first: float = 1.0
    longest: float = 300.0

    def pause_after(self, failures: int) -> float:
        """Seconds until the next try after so many in vain, 1 or more."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)


@dataclass(frozen=True)
class Reaction:
    """What `reacts_to` makes of a function. `name` is that of its row, and stays when the function moves."""

    name: str
    types: frozenset[str]
    function: Function
    retry: Retry = Retry()

    def __call__(self, event: Event) -> None:
        self.function(event)

    def key_of(self, event: Event) -> str:
        """The same at every try: what a system outside is given so that it can tell a repetition."""
        return f"{self.name}:{event.pk}"


def reacts_to(*types: str, name: str = "", retry: Retry = Retry()) -> Callable[[Function], Reaction]:
    """Make `function(event)` a reaction to events of exactly these types; `name` is the function's own by default.

    It is called in a transaction that is also the one of its place, in the order of commits, for each event whose
    effect is not in the database yet: what it writes is there exactly once. It must not wait for anything outside (see
    `lend_connection`), but write down what is to be done there, for a worker. When it raises, it is tried again later.
    A new reaction begins with what happens from now on. Raises ValueError for a type that is no event's name.
    """
    odd = [type for type in types if not SHAPE.fullmatch(type)]
    if odd or not types:
        raise ValueError(f"A reaction names the events that it wants exactly, as run.failed is: {odd or 'none'}.")

    def declare(function: Function) -> Reaction:
        return Reaction(name or function.__name__, frozenset(types), function, retry)

    return declare


# By name; and the types that any of them wants. The engine asks for these after every commit.
installed: dict[str, Reaction] = {}
wanted: set[str] = set()


def install(*reactions: Reaction) -> None:
    """Have them called from now on in this process. To be done once all apps are there.

    Raises ValueError for a name that is taken or too long, and for events that no app declares in its `events.py`.
    """
    for reaction in reactions:
        if reaction.name in installed:
            raise ValueError(f"Two reactions are called {reaction.name}.")
        if len(reaction.name) > LONGEST_NAME:
            raise ValueError(f"The name of a reaction has at most {LONGEST_NAME} characters: {reaction.name}.")
        if unknown := reaction.types - known_types():
            raise ValueError(f"{reaction.name} reacts to what no app declares: {', '.join(sorted(unknown))}.")
        installed[reaction.name] = reaction
        wanted.update(reaction.types)


def uninstall(*names: str) -> None:
    """Of these, call none any more in this process; their places stay in the database."""
    for name in names:
        installed.pop(name, None)
    wanted.clear()
    wanted.update(*(reaction.types for reaction in installed.values()))


def known_types() -> frozenset[str]:
    """The events that the apps declare: the constants of their modules named `events`."""
    with_events = [config for config in apps.get_app_configs() if module_has_submodule(config.module, "events")]
    modules = [vars(import_module(f"{config.name}.events")) for config in with_events]
    constants = [value for module in modules for name, value in module.items() if name.isupper()]
    return frozenset(value for value in constants if isinstance(value, str) and SHAPE.fullmatch(value))
