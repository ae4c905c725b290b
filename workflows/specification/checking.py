"""Validating a specification: everything that is wrong, at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from controlplane.domain.errors import InvalidInput
from controlplane.domain.json_schema import (
    Fault,
    depth_of,
    join_path,
    schema_faults,
    suggestion,
    unstorable,
)
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.parts import subschemas
from controlplane.domain.schemas.unknown import closed_faults
from controlplane.domain.schemas.validator import NotApplicable, limited
from workflows.kinds.declaration import has_slot
from workflows.specification.catalogue import Catalogue
from workflows.specification.graph import find_cycle, upstream
from workflows.specification.model import Spec
from workflows.specification.problems import Problems
from workflows.specification.reading import DEPTH_LIMIT, SIZE_LIMIT, Document
from workflows.specification.references import LOOP_NAMES, NAMES, References
from workflows.specification.uses import check_uses

TOP_KEYS = ("params", "steps", "outputs", "timeout_seconds")
STEP_KEYS = (
    "key",
    "uses",
    "with",
    "needs",
    "when",
    "foreach",
    "max_parallel",
    "on_error",
    "run_if",
    "retry",
    "timeout_seconds",
    "stage",
)
RETRY_LIMITS = {
    "max_attempts": (1, 20),
    "backoff_seconds": (0, 86400),
    "factor": (1, 10),
    "max_seconds": (0, 86400),
}
KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
# The words CEL keeps for itself: `steps.in` would not parse.
RESERVED = ("false", "in", "null", "true")
MAX_STEPS = 500
MAX_ITEMS = 10_000
MAX_PARALLEL = 1000
MAX_TIMEOUT_SECONDS = 30 * 86400


def validate(document: Mapping[str, Any], *, catalogue: Catalogue) -> Spec:
    """The typed specification, or InvalidInput with every error at its path.

    Errors carry line numbers when `document` comes from `parse`.
    """
    lines = document.lines if isinstance(document, Document) else {}
    problems = Problems(lines)
    _check_size(document)
    problems.unknown_keys(document, TOP_KEYS, "")
    params = _check_params(document.get("params"), problems)
    steps = _check_steps(document.get("steps"), problems, catalogue)
    needs = {step["key"]: _names(step.get("needs")) for _, step in steps}
    references = References(problems, params, {key: upstream(key, needs) for key in needs})
    for field, step in steps:
        _check_expressions(step, field, references)
    _check_outputs(document.get("outputs"), references, problems)
    _check_timeout(document, "", problems)
    problems.raise_all()
    return Spec.from_document(document)


def _check_size(document: Mapping[str, Any]) -> None:
    """What no other check could survive."""
    if not isinstance(document, Mapping):
        raise InvalidInput.field("", "A specification is an object with steps.", "type")
    if depth_of(document) > DEPTH_LIMIT:
        message = f"The specification is nested more than {DEPTH_LIMIT} levels deep."
        raise InvalidInput.field("", message, "too_deep")
    try:
        size = len(json.dumps(document, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError):
        raise InvalidInput.field("", "The specification holds a value that JSON does not have.", "type")
    if size > SIZE_LIMIT:
        raise InvalidInput.field("", "The specification is larger than 1 MiB.", "too_large")
    path = unstorable(document)
    if path is not None:
        raise InvalidInput.field(path, "This text holds characters that cannot be stored.", "unstorable")


def _check_params(params: Any, problems: Problems) -> Mapping[str, Any]:
    if params is None:
        return {}
    if not problems.is_a(params, dict, "a JSON Schema object", "params"):
        return {"additionalProperties": True}
    if params.get("type", "object") != "object":
        problems.add("params.type", "The parameters are an object: this must be object.", "type")
    faults = schema_faults(params)
    for fault in faults:
        problems.add(f"params.{fault.path}".rstrip("."), fault.message, fault.code)
    if faults:
        return _names_only(params)
    _check_defaults(params, problems)
    return params


def _names_only(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What can be said of a schema with faults, so that the rest is checked all the same."""
    properties = params.get("properties")
    is_open = not isinstance(properties, dict) or bool(params.get("additionalProperties"))
    return {"additionalProperties": True} if is_open else {"properties": dict.fromkeys(properties or (), True)}


def _check_defaults(params: Mapping[str, Any], problems: Problems) -> None:
    """That each default fits its own schema, completed as it would be, and that all of them are not too many."""
    try:
        with limited(params):
            with_defaults(params, {})
            for path, part in subschemas(params):
                for fault in _default_faults(part, params) if path and "default" in part else ():
                    field = f"params.{join_path([*path, 'default'])}"
                    problems.add(field, f"The default does not fit: {fault.message}", fault.code)
    except NotApplicable as error:
        problems.add("params", f"The defaults cannot be filled in: {error}.", "schema")


def _default_faults(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Fault]:
    return closed_faults(schema, with_defaults(schema, schema["default"], root), root=root)


def _check_steps(steps: Any, problems: Problems, catalogue: Catalogue) -> list[tuple[str, dict[str, Any]]]:
    """Check each step by itself and their graph; gives (field, step) of those that have a usable key."""
    if steps is None:
        problems.add("steps", "A workflow needs at least one step.", "required")
        return []
    if not problems.is_a(steps, list, "a list of steps", "steps"):
        return []
    if not 1 <= len(steps) <= MAX_STEPS:
        problems.add("steps", f"A workflow has 1 to {MAX_STEPS} steps, not {len(steps):,}.", "range")
        return []
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for index, step in enumerate(steps):
        field = f"steps[{index}]"
        if problems.is_a(step, dict, "an object", field):
            _check_step(step, field, problems, catalogue)
            _collect(step, field, found, problems)
    _check_graph(list(found.values()), problems)
    return list(found.values())


def _collect(step: dict[str, Any], field: str, found: dict[str, Any], problems: Problems) -> None:
    key = step.get("key")
    if key is None:
        problems.add(f"{field}.key", "This is required.", "required")
    elif key in RESERVED:
        problems.add(f"{field}.key", f"A key cannot be {key}, a word of CEL.", "invalid_key")
    elif not isinstance(key, str) or not KEY.fullmatch(key):
        hint = f" Write {key.lower().replace('-', '_')}." if isinstance(key, str) and "-" in key else ""
        message = f"A key has 1 to 63 of a-z, 0-9 and _ and begins with a letter.{hint}"
        problems.add(f"{field}.key", message, "invalid_key")
    elif key in found:
        problems.add(f"{field}.key", f"The key {key!r} is taken by {found[key][0]}.", "duplicate")
    else:
        found[key] = (field, step)


def _check_step(step: dict[str, Any], field: str, problems: Problems, catalogue: Catalogue) -> None:
    problems.unknown_keys(step, STEP_KEYS, field)
    if "uses" in step:
        check_uses(step, field, problems, catalogue)
    else:
        problems.add(f"{field}.uses", "This is required.", "required")
    _check_choice(step, "on_error", ("fail", "continue"), field, problems)
    _check_choice(step, "run_if", ("success", "always"), field, problems)
    if step.get("stage") is not None and not (isinstance(step["stage"], str) and 1 <= len(step["stage"]) <= 63):
        problems.add(f"{field}.stage", "A stage is text of 1 to 63 characters.", "range")
    _check_timeout(step, field, problems)
    _check_retry(step.get("retry"), f"{field}.retry", problems)
    _check_foreach(step, field, problems)


def _check_choice(step: dict[str, Any], name: str, choices: tuple[str, ...], field: str, problems: Problems) -> None:
    if name in step and step[name] not in choices:
        problems.add(f"{field}.{name}", f"This must be one of {', '.join(choices)}.", "enum")


def _check_timeout(holder: Mapping[str, Any], field: str, problems: Problems) -> None:
    if holder.get("timeout_seconds") is not None:
        path = f"{field}.timeout_seconds".lstrip(".")
        problems.in_range(holder["timeout_seconds"], 0.1, MAX_TIMEOUT_SECONDS, path)


def _check_retry(retry: Any, field: str, problems: Problems) -> None:
    if retry is None or not problems.is_a(retry, dict, "an object", field):
        return
    problems.unknown_keys(retry, RETRY_LIMITS, field)
    for name, (low, high) in RETRY_LIMITS.items():
        if name in retry:
            problems.in_range(retry[name], low, high, f"{field}.{name}", whole=name == "max_attempts")


def _check_foreach(step: dict[str, Any], field: str, problems: Problems) -> None:
    items = step.get("foreach")
    if isinstance(items, list) and len(items) > MAX_ITEMS:
        problems.add(f"{field}.foreach", f"At most {MAX_ITEMS:,} items are allowed.", "range")
    elif items is not None and not isinstance(items, list) and not (isinstance(items, str) and has_slot(items)):
        problems.add(f"{field}.foreach", "This must be a list or a template such as ${{ params.items }}.", "type")
    if "max_parallel" in step:
        problems.in_range(step["max_parallel"], 1, MAX_PARALLEL, f"{field}.max_parallel", whole=True)
        if items is None:
            problems.add(f"{field}.max_parallel", "max_parallel has a meaning only with foreach.", "invalid")


def _check_graph(steps: list[tuple[str, dict[str, Any]]], problems: Problems) -> None:
    fields = {step["key"]: field for field, step in steps}
    for field, step in steps:
        _check_needs(step, field, list(fields), problems)
    cycle = find_cycle({step["key"]: _names(step.get("needs")) for _, step in steps})
    if len(cycle) > 2:
        message = f"The steps need each other in a circle: {' → '.join(cycle)}."
        problems.add(f"{fields[cycle[0]]}.needs", message, "cycle")


def _check_needs(step: dict[str, Any], field: str, known: list[str], problems: Problems) -> None:
    needs = step.get("needs")
    if needs is None or not problems.is_a(needs, list, "a list of step keys", f"{field}.needs"):
        return
    for index, need in enumerate(needs):
        path = f"{field}.needs[{index}]"
        if not problems.is_a(need, str, "the key of a step", path):
            continue
        if need == step["key"]:
            problems.add(path, "A step cannot need itself.", "cycle")
        elif need not in known:
            problems.add(path, f"There is no step {need[:80]!r}.{suggestion(need, known)}", "unknown_step")
        elif need in needs[:index]:
            problems.add(path, f"{need!r} is named twice.", "duplicate")


def _check_expressions(step: dict[str, Any], field: str, references: References) -> None:
    key, loops = step["key"], step.get("foreach") is not None
    names = LOOP_NAMES if loops else NAMES
    references.check_templates(step.get("with"), f"{field}.with", step=key, names=names)
    references.check_templates(step.get("foreach"), f"{field}.foreach", step=key, names=NAMES)
    when = step.get("when")
    if isinstance(when, str):
        references.check_condition(when, f"{field}.when", step=key)
    elif when is not None:
        references.problems.is_a(when, bool, "an expression", f"{field}.when")


def _check_outputs(outputs: Any, references: References, problems: Problems) -> None:
    if outputs is not None and problems.is_a(outputs, dict, "an object", "outputs"):
        references.check_templates(outputs, "outputs", step="", names=NAMES)


def _names(needs: Any) -> list[str]:
    return [need for need in needs if isinstance(need, str)] if isinstance(needs, list) else []
