"""Saying that something happened. The events app, which stands above, installs the recorder at start."""

from __future__ import annotations

from typing import Any, Protocol

from controlplane.domain.action import Actor


class Recorder(Protocol):
    """Writes one event about `subject` in the caller's transaction; `data` is JSON."""

    def __call__(self, type: str, subject: Any, *, by: Actor, data: dict[str, object]) -> None: ...


_recorders: list[Recorder] = []


def install(recorder: Recorder) -> None:
    """From now on `record` calls this one, and none of before."""
    _recorders[:] = [recorder]


def record(type: str, subject: Any, *, by: Actor, **data: object) -> None:
    """Write the fact `type` about `subject` into the caller's transaction. `data` must be JSON-ready."""
    for recorder in _recorders:
        recorder(type, subject, by=by, data=data)
