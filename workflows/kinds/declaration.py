"""What is said of a kind of step, once; whatever shows, checks or offers kinds is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.db.models import QuerySet

from controlplane.domain.expressions import ExpressionError, has_template
from controlplane.domain.json_schema import Fault

Schema = Mapping[str, Any]
Found = Mapping[str, Schema | None]


def names_of(rows: QuerySet[Any]) -> Found:
    return dict.fromkeys(rows.values_list("name", flat=True))


def no_faults(*_: Any) -> Iterable[Fault]:
    return ()


@dataclass(frozen=True)
class Target:
    """The one thing of the project that a step points to, by name: after the kind (`tool:NAME`) or, with `key`, under
    that key of `with`, where it may be a template.

    `model` is a label such as `agents.Tool`, because models import the specification; `page` is the name of its view.
    `find` makes of the project's rows name -> schema of what the thing takes, None where it says nothing; `check` looks
    at that schema and at `with`, once the thing is known to exist. `without` says what a step means that names none;
    empty, a name is required.
    """

    model: str
    page: str
    key: str = ""
    without: str = ""
    find: Callable[[QuerySet[Any]], Found] = names_of
    check: Callable[[Schema | None, Mapping[str, Any]], Iterable[Fault]] = no_faults

    @property
    def noun(self) -> str:
        return self.model.rpartition(".")[2].lower()

    def rows_in(self, project_id: int) -> QuerySet[Any]:
        return apps.get_model(self.model)._default_manager.filter(project_id=project_id)

    def known_in(self, project_id: int) -> Found:
        return self.find(self.rows_in(project_id))


@dataclass(frozen=True)
class StepKind:
    """One kind of step. `name` is what `uses` begins with, and the name of the kind's module and of its executor's.

    `does` and `takes` are for the documentation: what it is for, and what `with` holds (in Markdown); `example` is one
    step in YAML. `schema` is the JSON Schema of `with`; a template there counts as whatever is asked for. `sentences`
    explain keywords of the schema that do not explain themselves. `check` finds what no schema can say.

    Faults have paths below the step (`with.sql`).
    """

    name: str
    label: str
    icon: str
    does: str
    takes: str
    example: str
    schema: Schema
    sentences: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], Iterable[Fault]] = no_faults
    target: Target | None = None
    # Doing it again does no harm, whatever it is given.
    pure: bool = False
    # Done in a moment and without asking anybody, so that a worker does many such steps in one go. Such a kind is pure.
    instant: bool = False
    # What it may wait for without a worker (`time`, `child`); empty: nothing.
    waits_for: str = ""
    # It only waits, so that it may be opened under the run's lock, with no worker at all.
    inline: bool = False
    # What it gave holds for other runs too, so that a replay may take it over.
    reusable: bool = True
    # Why a step of this kind takes no `retry`; empty: it does.
    no_retry: str = ""
    # Why it cannot be used yet; empty: it can.
    unavailable: str = ""

    @property
    def takes_name(self) -> bool:
        """Whether a name may follow: `tool:NAME`."""
        return self.target is not None and not self.target.key

    @property
    def needs_name(self) -> bool:
        return self.target is not None and not self.target.key and not self.target.without

    @property
    def forms(self) -> list[str]:
        """How `uses` is written."""
        named = [f"{self.name}:NAME"] if self.takes_name else []
        return named if self.needs_name else [*named, self.name]

    @property
    def keys(self) -> list[str]:
        """What `with` may hold, as far as that is the same for all steps of the kind."""
        return list(self.schema.get("properties", ()))

    def name_in(self, uses: str, with_: Any) -> str:
        """The name of its target; empty when it names none, or when an expression will."""
        if self.target is None or not self.target.key:
            return uses.partition(":")[2] if self.target else ""
        name = with_.get(self.target.key) if isinstance(with_, Mapping) else None
        return name if isinstance(name, str) and not has_slot(name) else ""


def below(path: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    """The same faults with `path` in front of theirs."""
    for fault in faults:
        dot = "." if fault.path and not fault.path.startswith("[") else ""
        yield replace(fault, path=f"{path}{dot}{fault.path}")


def has_slot(value: Any) -> bool:
    """Like `has_template`, but a broken template counts: it is reported elsewhere."""
    try:
        return has_template(value)
    except ExpressionError:
        return True
