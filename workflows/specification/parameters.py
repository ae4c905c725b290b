"""The inputs of a run: checked against the parameters' JSON Schema, with defaults filled in."""

from __future__ import annotations

import json
from typing import Any

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import DEPTH_LIMIT, Fault, Schema, depth_of, unstorable
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.unknown import closed_faults
from controlplane.domain.schemas.validator import NotApplicable

SIZE_LIMIT = 1024 * 1024


def check_inputs(schema: Schema, inputs: Any) -> dict[str, Any]:
    """`inputs` with defaults filled in, nested ones too; `schema` is the workflow's params, empty when it takes none.

    Raises InvalidInput with fields such as `inputs.days`. Inputs the schema does not list are refused unless it says
    `additionalProperties`. At most 1 MiB and 32 levels, defaults included.
    """
    if inputs is None:
        inputs = {}
    _check_size(inputs)
    if not schema and inputs:
        raise _invalid([FieldError(f"inputs.{name}", "This workflow takes no inputs.", "unknown") for name in inputs])
    filled = with_default_inputs(schema, inputs)
    _check_size(filled)
    faults = closed_faults(schema, filled)
    if faults:
        raise _invalid([_field_error(fault) for fault in faults])
    return filled


def with_default_inputs(schema: Schema, inputs: dict[str, Any]) -> dict[str, Any]:
    """A copy of `inputs` in which what is absent has its default. Raises InvalidInput where that has no end."""
    try:
        return with_defaults(schema, inputs)
    except NotApplicable as error:
        raise InvalidInput.field("inputs", f"The schema cannot be applied: {error}.", "schema") from error


def _field_error(fault: Fault) -> FieldError:
    return FieldError(f"inputs.{fault.path}".rstrip("."), fault.message, fault.code)


def _check_size(inputs: Any) -> None:
    if not isinstance(inputs, dict):
        raise InvalidInput.field("inputs", "The inputs must be an object.", "type")
    if depth_of(inputs) > DEPTH_LIMIT:
        message = f"The inputs are nested more than {DEPTH_LIMIT} levels deep."
        raise InvalidInput.field("inputs", message, "too_deep")
    try:
        text = json.dumps(inputs, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidInput.field("inputs", "The inputs hold a value that JSON does not have.", "type")
    if len(text) > SIZE_LIMIT:
        raise InvalidInput.field("inputs", "The inputs are larger than 1 MiB.", "too_large")
    path = unstorable(inputs)
    if path is not None:
        raise InvalidInput.field(f"inputs.{path}", "This text holds characters that cannot be stored.", "unstorable")


def _invalid(errors: list[FieldError]) -> InvalidInput:
    return InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)
