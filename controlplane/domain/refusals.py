"""Rules on states: conditions on rows with the reason why an action refuses them, asked of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Model, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from controlplane.domain.errors import ActionRefused, NotFound, ProblemError

# What needs no database to be told of a value.
TOLD: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value in wanted,
    "isnull": lambda value, wanted: (value is None) == wanted,
}
# The number of the first refusal that a row meets; NONE_MET for a row that meets none.
NONE_MET = -1


@dataclass(frozen=True)
class Refusal:
    """Rows that meet `when` are refused, because of `why`: one sentence that also fits under a list of such rows.

    `when` is a Q on the row, or an Exists() for what hangs on it, so that many rows are asked in one statement.
    `problem` makes what is raised instead of ActionRefused(why), where more can be said about one row. With `waived_by`
    it does not hold for a call that gives the argument of this name.
    """

    when: Q | Combinable
    why: str
    problem: Callable[[Any], ProblemError] | None = None
    waived_by: str = ""

    def error(self, subject: Any) -> ProblemError:
        return ActionRefused(self.why) if self.problem is None else self.problem(subject)

    @property
    def is_of_the_row(self) -> bool:
        """Whether it asks nothing but the row itself and what it points to."""
        return isinstance(self.when, Q) and not has_subquery(self.when)


def has_subquery(condition: Q) -> bool:
    """Such a condition cannot be judged on the row alone."""
    return any(has_subquery(one) if isinstance(one, Q) else not isinstance(one, tuple) for one in condition.children)


def first_met(refusals: Sequence[Refusal]) -> Case:
    """An expression for rows: the index of the first of `refusals` that one meets, or NONE_MET."""
    cases = [When(refusal.when, then=Value(number)) for number, refusal in enumerate(refusals)]
    return Case(*cases, default=Value(NONE_MET), output_field=IntegerField())


def asked_of(rows: QuerySet, questions: Mapping[str, Sequence[Refusal]]) -> dict[int, dict[str, Refusal | None]]:
    """Primary key -> name of the question -> the first refusal that the row meets. One statement."""
    annotated = rows.order_by().annotate(**{f"refused_{name}": first_met(found) for name, found in questions.items()})
    answers: dict[int, dict[str, Refusal | None]] = {}
    for pk, *numbers in annotated.values_list("pk", *(f"refused_{name}" for name in questions)):
        named = zip(questions.items(), numbers, strict=True)
        answers[pk] = {name: None if number == NONE_MET else found[number] for (name, found), number in named}
    return answers


def first_refusal(rows: QuerySet, refusals: Sequence[Refusal]) -> Refusal | None:
    """What the one row of `rows` meets first. Raises NotFound when there is none any more."""
    answers = list(asked_of(rows, {"it": refusals}).values())
    if not answers:
        raise gone(rows.model)
    return answers[0]["it"]


def foreseen_of(subject: Model, refusals: Sequence[Refusal]) -> Refusal | None:
    """What the row meets first as it was read; the database is asked only for what was not read with it."""
    for refusal in refusals:
        met = met_by(subject, refusal.when)
        if met is None:
            return first_refusal(row_of(subject), refusals)
        if met:
            return refusal
    return None


def met_by(row: Model, condition: object) -> bool | None:
    """Whether the row as it was read meets it; None when only the database can tell."""
    if not isinstance(condition, Q):
        return None
    found = [met_by(row, one) if isinstance(one, Q) else is_so(row, one) for one in condition.children]
    if None in found:
        return None
    met = any(found) if condition.connector == Q.OR else all(found)
    return not met if condition.negated else met


def is_so(row: Model, asked: object) -> bool | None:
    """`("state__in", […])` of a row; None for what is not told here, and for a null, which SQL calls unknown."""
    if not isinstance(asked, tuple):
        return None
    path, wanted = asked
    name, _, lookup = str(path).partition("__")
    if not lookup and wanted is None:
        lookup, wanted = "isnull", True
    own = {field.name: field.attname for field in row._meta.concrete_fields}.get(name, "")
    if lookup not in TOLD or own not in row.__dict__ or not isinstance(wanted, str | int | list | tuple):
        return None
    value = row.__dict__[own]
    return None if value is None and lookup != "isnull" else TOLD[lookup](value, wanted)


def gone(model: type[Model]) -> NotFound:
    return NotFound(f"This {model._meta.verbose_name} does not exist any more.")


def row_of(subject: Model) -> QuerySet:
    return type(subject)._base_manager.filter(pk=subject.pk)


def locked(subject: Model) -> QuerySet:
    """The row of `subject`, to be held until the transaction ends. What refers to it goes on meanwhile."""
    return row_of(subject).select_for_update(no_key=True, of=("self",))


def refuse(subject: Model, refusals: Iterable[Refusal], *, holding: QuerySet | None = None) -> None:
    """Raises the error of the first of `refusals` that the row of `subject` meets.

    `holding` are the rows to lock before it is asked, such as `locked(subject)`, so that the answer holds until the
    transaction ends.
    """
    refusals = list(refusals)
    if holding is not None and holding.model is type(subject) and all(one.is_of_the_row for one in refusals):
        # PostgreSQL looks again at a row that it had to wait for.
        met = first_refusal(holding, refusals)
    else:
        # Another statement, since what stands in other rows is read as it was when a statement began.
        if holding is not None and holding.order_by().values_list("pk").first() is None:
            raise gone(holding.model)
        met = first_refusal(row_of(subject), refusals)
    if met is not None:
        raise met.error(subject)
