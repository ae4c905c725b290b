"""What an app may declare in its `portal.py`, as `PORTAL = Portal(…)`.

Where a path is asked for (`"runs.list.listing.RUNS"`), it is loaded when it is first needed: a worker draws no lists.
Names are unique in the whole portal; the registry refuses a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Path = str


class Section(StrEnum):
    """The sections of the sidebar, from the top; the value is the title."""

    MAIN = ""
    RESOURCES = "Resources"
    SETTINGS = "Settings"


@dataclass(frozen=True)
class Entry:
    """An entry of the sidebar: the page `view` of a project, for `role` and above; small places come first."""

    label: str
    icon: str
    view: str
    place: int
    section: Section = Section.MAIN
    role: str = "viewer"


@dataclass(frozen=True)
class Beginning:
    """Something that can be begun from the command palette, for `role` and above."""

    label: str
    icon: str
    view: str
    place: int
    role: str = "editor"


@dataclass(frozen=True)
class Subject:
    """A kind of thing that events are about and that search finds.

    `page` is the view of one, with `project` and `pk`. Its events name it by number when `numbered`, else by name;
    `told_as_part` when they name what it belongs to. Search finds rows of `model` (`"agents.Tool"`) by name, or what
    `find` yields: `(who, text) -> Iterator[Hit]`, at most five. Results stand under `group`, small places first.
    """

    kind: str
    page: str = ""
    icon: str = ""
    numbered: bool = False
    told_as_part: bool = False
    model: str = ""
    find: Path = ""
    group: str = "Objects"
    place: int = 100

    @property
    def is_found(self) -> bool:
        return bool(self.model or self.find)


@dataclass(frozen=True)
class Words:
    """How the feed tells an event: `verb` where its name does not read well, `by_itself` when nobody did it."""

    verb: str = ""
    by_itself: bool = False


@dataclass(frozen=True)
class Look:
    """`tone` is one of neutral, info, success, warning, orange, danger, purple; `icon` a name in static/icons.json."""

    label: str
    tone: str
    icon: str
    spins: bool = False


@dataclass(frozen=True)
class Sweep:
    """A part of the sweep: `work` is a function without arguments that returns how many rows it touched.

    Any number of sweepers call it at once, every `seconds` each.
    """

    name: str
    work: Path
    seconds: float = 1.0


@dataclass(frozen=True)
class Portal:
    """What one app adds.

    `words` by event type and `looks` by state; `lists` by noun, the path of the Listing; `operations` by kind, the path
    of `(operation, work)`; `streams` by subject kind, the path of `(id) -> project id or None` that serves
    `/ws/<kind>s/<id>`; `dependents`, paths of `(kind, project_id, name) -> list[Dependent]`; `metrics`, paths of
    functions that yield Prometheus metrics of the whole installation; `reactions`, paths of what `reacts_to` made.
    """

    navigation: tuple[Entry, ...] = ()
    beginnings: tuple[Beginning, ...] = ()
    subjects: tuple[Subject, ...] = ()
    words: Mapping[str, Words] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    lists: Mapping[str, Path] = field(default_factory=dict)
    operations: Mapping[str, Path] = field(default_factory=dict)
    streams: Mapping[str, Path] = field(default_factory=dict)
    sweeps: tuple[Sweep, ...] = ()
    dependents: tuple[Path, ...] = ()
    metrics: tuple[Path, ...] = ()
    reactions: tuple[Path, ...] = ()
