"""The grammar of verbs: an action has a rule, a change, an event and a next step, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import update_wrapper
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from django.db import IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.forms import Form

from controlplane.domain.errors import Conflict, NotAllowed
from controlplane.domain.refusals import Refusal, asked_of, foreseen_of, locked, refuse

ROLES = ("viewer", "operator", "approver", "editor", "admin")
# SQLSTATE
FOREIGN_KEY_VIOLATION = "23503"

Subject = TypeVar("Subject")
Given = ParamSpec("Given")
Made = TypeVar("Made")


class Actor(Protocol):
    """Who acts: a member, a token or the system itself."""

    @property
    def name(self) -> str: ...

    @property
    def user_id(self) -> int | None: ...

    @property
    def project_id(self) -> int | None: ...

    def may(self, role: str, project: object = None) -> bool: ...


@dataclass(eq=False, repr=False)
class Action(Generic[Subject, Given, Made]):
    """A verb: `archive(workflow, by=actor)` does it, and whatever shows or forecasts it asks the same object.

    `name` is that of its function, `label` the word on its button, `confirm` a question before it (empty for none).
    `takes` and `undo` are for bulk actions: the form of what must be given beside the row, and the verb that takes it
    back, called with what this one returned under the first name of that form.

    `refused_when` are the states that it refuses, the one home of that rule: buttons, previews and the call ask it, the
    call under the lock of `holds(subject)`: the subject's own row, unless the verb must lock another first; where none
    is needed (None), because who waited for it would find nothing else, the row is judged as it was read.
    `refused_to(subject, by)` says why it is not for somebody whose role would reach, such as a thing of somebody else.
    What is given to the call, only the call judges.
    """

    do_not_call_in_templates: ClassVar = True

    body: Callable[Concatenate[Subject, Given], Made]
    _: KW_ONLY
    label: str
    role: str
    confirm: str = ""
    tone: str = ""
    icon: str = ""
    atomic: bool = True
    takes: type[Form] | None = None
    refused_when: tuple[Refusal, ...] = ()
    refused_to: Callable[[Any, Any], str] | None = None
    holds: Callable[[Any], QuerySet] | None = locked
    undo: str = ""

    def __post_init__(self) -> None:
        self.name = self.body.__name__
        update_wrapper(self, self.body)
        _known[self.body.__module__].append(self)

    def __repr__(self) -> str:
        return f"<Action {self.name}>"

    def __call__(self, subject: Subject, *args: Given.args, **kwargs: Given.kwargs) -> Made:
        """Raises NotAllowed, then the first of `refused_when` that holds, then what the verb itself refuses."""
        self.refuse_person(subject, cast(Actor, kwargs["by"]))
        rules = self.rules(kwargs)
        if not self.atomic:
            self.refuse_state(subject, rules)
            return self.body(subject, *args, **kwargs)
        with refused_when_gone():
            self.refuse_state(subject, rules, hold=True)
            return self.body(subject, *args, **kwargs)

    def reaches(self, by: Actor, project: object = None) -> bool:
        """Whether the role of `by` reaches it at all, in `project` (default: their own)."""
        return by.may(self.role, project)

    def visible_to(self, by: Actor, subject: Subject) -> bool:
        """Whether `by` may do it with `subject`, in whatever state that is."""
        return not self.reason_against(subject, by)

    def allowed(self, subject: Subject, by: Actor) -> str | None:
        """Why a call would be refused; None when it would not. Of a row that `foresee` asked about, as it was then."""
        if reason := self.reason_against(subject, by):
            return reason
        refusal = self.refusal(subject)
        return None if refusal is None else refusal.error(subject).detail

    def refusal(self, subject: Any) -> Refusal | None:
        """The rule that keeps anybody from doing it now."""
        if not self.refused_when:
            return None
        foreseen: dict[str, Refusal | None] = getattr(subject, FORESEEN, {})
        if self.name in foreseen:
            return foreseen[self.name]
        return foreseen_of(subject, self.refused_when)

    def check(self, subject: Subject, by: Actor) -> None:
        """For pages that prepare it: raises what a call would because of who asks and how `subject` stands."""
        self.refuse_person(subject, by)
        self.refuse_state(subject)

    def reason_against(self, subject: Any, by: Actor) -> str:
        """Why it is not for `by`; empty when it is."""
        if not by.may(self.role, project_of(subject)):
            return f"{self.label} needs the role {self.role} in this project."
        return "" if self.refused_to is None else self.refused_to(subject, by)

    def refuse_person(self, subject: Any, by: Actor) -> None:
        if reason := self.reason_against(subject, by):
            raise NotAllowed(reason)

    def rules(self, given: Mapping[str, object]) -> list[Refusal]:
        """Those that hold for a call with these arguments."""
        return [one for one in self.refused_when if not given.get(one.waived_by)]

    def refuse_state(self, subject: Any, rules: Sequence[Refusal] | None = None, *, hold: bool = False) -> None:
        """Raises the error of the first rule that holds: of `rules`, by default of all."""
        rules = self.refused_when if rules is None else rules
        if hold and self.holds is None:
            met = foreseen_of(subject, rules)
            if met is not None:
                raise met.error(subject)
        elif rules:
            refuse(subject, rules, holding=self.holds(subject) if hold and self.holds else None)


def project_of(subject: Any) -> object:
    """Of the thing acted on its project, or that one's id, which needs no statement; else it is a project itself."""
    return getattr(subject, "project_id", None) or getattr(subject, "project", subject)


# For tables of actions of any kind.
AnyAction: TypeAlias = Action[Any, ..., Any]
FORESEEN = "_foreseen"
# Module -> its actions.
_known: defaultdict[str, list[AnyAction]] = defaultdict(list)


def known_actions() -> list[AnyAction]:
    """All that were declared in modules that are loaded, by module and name."""
    return [one for module in sorted(_known) for one in sorted(_known[module], key=lambda found: found.name)]


def foresee(rows: Iterable[Model], *actions: AnyAction) -> None:
    """Ask all at once what `allowed()` will be asked of each, for a page with many buttons. `rows` are of one model."""
    rows = list(rows)
    questions = {one.name: one.refused_when for one in actions if one.refused_when}
    if not rows or not questions:
        return
    answers = asked_of(type(rows[0])._base_manager.filter(pk__in=[row.pk for row in rows]), questions)
    for row in rows:
        setattr(row, FORESEEN, answers.get(row.pk, {}))


def action(**declared: Any) -> Callable[[Callable[Concatenate[Subject, Given], Made]], Action[Subject, Given, Made]]:
    """Make `verb(subject, *, by, …)` an Action with the fields of one: `label` and `role` at least.

    It refuses an actor below `role` in the subject's project and opens the transaction. The subject is the thing acted
    on, or the Project when something new is made in it. Work that must talk to the outside uses `atomic=False` and
    opens its own transactions.
    """

    def declare(verb: Callable[Concatenate[Subject, Given], Made]) -> Action[Subject, Given, Made]:
        return Action(verb, **declared)

    return declare


@contextmanager
def refused_when_gone() -> Iterator[None]:
    """A transaction. Raises Conflict when what it refers to was deleted by somebody else meanwhile."""
    is_inner = connection.in_atomic_block
    try:
        with transaction.atomic():
            yield
            if is_inner:
                # Else PostgreSQL looks only when the outer one commits, and nobody would know why it cannot.
                connection.check_constraints()
    except IntegrityError as error:
        if getattr(error.__cause__, "sqlstate", "") != FOREIGN_KEY_VIOLATION:
            raise
        raise Conflict("Something that this needs was deleted meanwhile.") from error
