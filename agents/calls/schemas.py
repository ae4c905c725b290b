"""Input and output held against what a tool declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from controlplane.domain.failures import Failure, Misconfigured
from controlplane.domain.json_schema import Fault, value_faults
from controlplane.outbound.content import storable

SHOWN = 20


class BadInput(Misconfigured):
    """The input does not fit the input schema; `context["errors"]` lists field, message and code."""

    kind = "bad_input"


class BadOutput(Failure):
    """The answer does not fit the output schema, or is not JSON. The call itself has been made."""

    kind = "bad_output"
    retryable = False


def check_input(schema: Mapping[str, Any], input: Any) -> None:
    """Raises BadInput, with the faults as `errors`. An empty schema takes anything."""
    faults = value_faults(schema, input) if schema else []
    if faults:
        raise BadInput(f"The input does not fit: {_first(faults, 'input')}", errors=_listed(faults, "input"))


def check_output(schema: Mapping[str, Any], output: Any) -> None:
    """Raises BadOutput, which has acted: the call was made. An empty schema takes anything."""
    faults = value_faults(schema, output) if schema else []
    if faults:
        message = f"The answer does not fit the output schema: {_first(faults, 'output')}"
        raise BadOutput(message, acted=True, errors=_listed(faults, "output"))


def as_json(value: Any) -> Any:
    """The value as the JSON it becomes. Raises BadOutput for what JSON or the database cannot hold."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadOutput(f"The function gave something that is not JSON: {str(error)[:200]}.", acted=True) from None
    return _clean(json.loads(text, object_hook=_clean_keys))


def _clean_keys(found: dict[str, Any]) -> dict[str, Any]:
    return {storable(key): _clean(value) for key, value in found.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return storable(value) if isinstance(value, str) else value


def _first(faults: list[Fault], root: str) -> str:
    return f"{_path(faults[0], root)}: {faults[0].message}"


def _listed(faults: list[Fault], root: str) -> list[dict[str, str]]:
    return [{"field": _path(one, root), "message": one.message, "code": one.code} for one in faults[:SHOWN]]


def _path(fault: Fault, root: str) -> str:
    return f"{root}{fault.path}" if fault.path.startswith("[") else f"{root}.{fault.path}".rstrip(".")
