"""Python functions that tools and agents can call by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from controlplane.domain.cancellation import CancelToken


class FunctionContext(Protocol):
    """What a function gets beside its input. Long work calls `token.check()` and `progress` once in a while."""

    @property
    def project_id(self) -> int: ...

    @property
    def token(self) -> CancelToken: ...

    @property
    def log(self) -> Callable[[str, str], None]:
        """`log(level, text)` with level info, warning or error."""

    @property
    def idempotency_key(self) -> str: ...

    @property
    def progress(self) -> Callable[[int, int], None]:
        """`progress(done, total)`."""


Body = Callable[[dict[str, Any], FunctionContext], Any]


@dataclass(frozen=True)
class Function:
    """A registered function. `input_schema` is checked before each call; the result must be JSON-ready."""

    name: str
    body: Body
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    idempotent: bool = False
    cpu_bound: bool = False


_registered: dict[str, Function] = {}


def function(
    name: str,
    *,
    input_schema: Mapping[str, Any] | None = None,
    description: str = "",
    idempotent: bool = False,
    cpu_bound: bool = False,
) -> Callable[[Body], Body]:
    """Offer the decorated `(input, context) -> JSON-ready value` under `name`.

    It raises a `Failure` for what it foresees. `idempotent` says that calling it twice with the same key does no harm;
    `cpu_bound` sends it to the queue of the prefork worker, so that it does not slow down steps that wait.
    """

    def offer(body: Body) -> Body:
        if name in _registered and _registered[name].body is not body:
            raise ValueError(f"There are two functions {name}.")
        text = description or (body.__doc__ or "").strip()
        _registered[name] = Function(name, body, text, input_schema or {}, idempotent, cpu_bound)
        return body

    return offer


def registered() -> Mapping[str, Function]:
    """Name -> function, of all modules that were loaded at start."""
    return _registered
