"""The grammar of verbs: an action has a rule, a change, an event and a next step, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol, TypeVar

from django.db import IntegrityError, connection, transaction

from controlplane.domain.errors import Conflict, NotAllowed

ROLES = ("viewer", "operator", "approver", "editor", "admin")
# SQLSTATE
FOREIGN_KEY_VIOLATION = "23503"

Verb = TypeVar("Verb", bound=Callable[..., Any])


class Actor(Protocol):
    """Who acts: a member, a token or the system itself."""

    @property
    def name(self) -> str: ...

    @property
    def user_id(self) -> int | None: ...

    @property
    def project_id(self) -> int | None: ...

    def may(self, role: str, project: object = None) -> bool: ...


def action(
    *,
    label: str,
    role: str,
    confirm: str = "",
    tone: str = "",
    icon: str = "",
    atomic: bool = True,
    takes: tuple[str, ...] = (),
    refused_when: Sequence[tuple[Any, str]] = (),
    undo: str = "",
) -> Callable[[Verb], Verb]:
    """Make `verb(subject, *, by, …)` an action.

    It refuses an actor below `role` in the subject's project, opens the transaction, and carries `label`, `role`,
    `confirm` (a question, empty for none), `tone` and `icon`, so that button, bulk bar, admin and API share one
    declaration. The subject is the thing acted on, or the Project when something new is made in it. Work that must talk
    to the outside uses `atomic=False` and opens its own transactions.

    For bulk actions: `takes` names what must be given beside the row; `refused_when` are conditions with the reason why
    rows that meet one would be refused, for the preview: a Q on the row, Exists() for what hangs on it; `undo` is the
    verb that takes it back, called with what this one returned under the first name of `takes`.
    """

    def declare(verb: Verb) -> Verb:
        @wraps(verb)
        def guarded(subject: Any, *args: Any, by: Actor, **kwargs: Any) -> Any:
            project = getattr(subject, "project", subject)
            if not by.may(role, project):
                raise NotAllowed(f"{label} needs the role {role} in this project.")
            if not atomic:
                return verb(subject, *args, by=by, **kwargs)
            with refused_when_gone():
                return verb(subject, *args, by=by, **kwargs)

        guarded.label, guarded.role, guarded.confirm = label, role, confirm  # type: ignore[attr-defined]
        guarded.tone, guarded.icon, guarded.is_action = tone, icon, True  # type: ignore[attr-defined]
        guarded.takes, guarded.refused_when, guarded.undo = takes, tuple(refused_when), undo  # type: ignore[attr-defined]
        guarded.do_not_call_in_templates = True  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

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
