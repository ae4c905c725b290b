"""What a bulk action `takes`: its form reads it, from the fields of a page and from the JSON of a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import FieldError, InvalidInput


def arguments_of(verb: AnyAction, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `verb` takes. Raises InvalidInput naming each argument that does not fit."""
    if verb.takes is None:
        return {}
    form = verb.takes(given)
    if not form.is_valid():
        wrong = form.errors.get_json_data()
        errors = [FieldError(name, one["message"], one["code"]) for name, found in wrong.items() for one in found]
        raise InvalidInput(errors[0].message, errors=errors)
    return form.cleaned_data


def refuse_unknown(verb: AnyAction, given: Mapping[str, Any]) -> None:
    """Raises InvalidInput for the first argument that the action does not take."""
    known = verb.takes.base_fields if verb.takes else {}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput.field(f"arguments.{unknown[0]}", "This action takes no such argument.", "unknown")
