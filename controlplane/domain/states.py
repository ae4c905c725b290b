"""State machines as data, and the one compare-and-set that moves them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from controlplane.domain.errors import ActionRefused


class StatefulModel(models.Model):
    """A model with a `state` and a `TRANSITIONS` map: state -> states it may become."""

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {}
    state: Any
    get_state_display: Any

    class Meta:
        abstract = True

    def can_become(self, state: str) -> bool:
        return state in self.TRANSITIONS.get(self.state, set())

    def move_to(self, state: str, **changes: object) -> None:
        """Move to `state` or refuse. The WHERE clause settles races: exactly one caller wins."""
        kind = self._meta.verbose_name
        if not self.can_become(state):
            raise ActionRefused(f"This {kind} is {self.get_state_display().lower()}, so it cannot become {state}.")
        rows: Any = type(self)._base_manager
        if not rows.filter(pk=self.pk, state=self.state).update(state=state, **changes):
            raise ActionRefused(f"This {kind} changed in the meantime. Reload and try again.")
        self.state = state
        for name, value in changes.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self, name, value)
