"""Expressions inside a specification: they compile, and they read only what is there when they run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from controlplane.domain.expressions import ExpressionError, bare, compile, names_used, slots_in
from controlplane.domain.json_schema import suggestion
from controlplane.domain.schemas.defaults import alike
from workflows.specification.problems import Problems

NAMES = frozenset({"params", "steps", "run"})
LOOP_NAMES = NAMES | {"item", "index"}
STEP_FIELDS = ("output", "status")


class References:
    """Checks expressions against the steps and parameters of one specification."""

    def __init__(self, problems: Problems, params: Mapping[str, Any], upstream: Mapping[str, Collection[str]]) -> None:
        self.problems = problems
        self.params = params
        self.upstream = upstream

    def check_templates(self, value: Any, field: str, *, step: str, names: frozenset[str]) -> None:
        """Every `${{ }}` in `value`. `step` is the key of the step it stands in, empty for the outputs."""
        for path, text in texts_in(value, field):
            try:
                for _, slot in slots_in(text):
                    self.check(slot.source, path, step=step, names=names)
            except ExpressionError as error:
                self.problems.add(path, error.message, "expression")

    def check_condition(self, source: str, field: str, *, step: str) -> None:
        try:
            self.check(bare(source), field, step=step, names=NAMES)
        except ExpressionError as error:
            self.problems.add(field, error.message, "expression")

    def check(self, source: str, field: str, *, step: str, names: frozenset[str]) -> None:
        try:
            used = names_used(source)
            if strange := used.roots - names:
                self._add_strangers(sorted(strange), field)
            compile(source, names | used.roots)
        except ExpressionError as error:
            place = f" (at character {error.position + 1} of {source[:60]!r})" if error.position is not None else ""
            self.problems.add(field, f"{error.message.rstrip('.')}{place}.", "expression")
            return
        if "steps" in used.whole:
            self.problems.add(field, "Name the step: steps.KEY, with a fixed key.", "reference")
        for key in sorted(used.steps):
            self._check_step(key, field, step)
        for name, parts in used.fields.items():
            self._check_fields(name, parts, field)
        self._check_params(used.members.get("params", frozenset()), field)

    def _add_strangers(self, names: list[str], field: str) -> None:
        for name in names:
            sentence = _EXPLAINED.get(name) or (
                f"{name} is not known here; there are {', '.join(sorted(NAMES))}.{suggestion(name, sorted(NAMES))}"
            )
            self.problems.add(field, sentence, "unknown_name")

    def _check_step(self, key: str, field: str, step: str) -> None:
        if key not in self.upstream:
            hint = suggestion(key, list(self.upstream))
            self.problems.add(field, f"There is no step {key!r}.{hint}", "unknown_step")
        elif step and key == step:
            self.problems.add(field, "A step cannot read its own output.", "reference")
        elif step and key not in self.upstream[step]:
            message = f"steps.{key} may not have run yet: add {key!r} to the needs of step {step!r}."
            self.problems.add(field, message, "not_upstream")

    def _check_fields(self, key: str, parts: Collection[str], field: str) -> None:
        for part in sorted(set(parts) - set(STEP_FIELDS)):
            message = f"steps.{key} has output and status, no {part!r}. Did you mean steps.{key}.output.{part}?"
            self.problems.add(field, message, "reference")

    def _check_params(self, names: Collection[str], field: str) -> None:
        declared = declared_in(self.params)
        if declared is None:
            return
        for name in sorted(set(names) - set(declared)):
            message = f"There is no parameter {name!r}.{suggestion(name, list(declared))}"
            self.problems.add(field, message, "unknown_param")


def declared_in(params: Mapping[str, Any]) -> list[str] | None:
    """The names that inputs may have; None when they cannot be told without the inputs."""
    if not params:
        return []
    parts = list(alike(params, params))
    is_open = any(part.get(keyword) for part in parts for keyword in _OPEN)
    lists = any("properties" in part for part in parts)
    return [name for part in parts for name in part.get("properties", {})] if lists and not is_open else None


_OPEN = (
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
)
_EXPLAINED = {
    "secrets": "Secrets are not available in a specification. Use them in the configuration of a tool, an agent "
    "or an instance.",
    "item": "item is known only in the `with` of a step that has foreach.",
    "math": "math has abs, ceil, floor, round, trunc, sqrt, greatest and least, each called as math.abs(x).",
    "index": "index is known only in the `with` of a step that has foreach.",
}


def texts_in(value: Any, path: str) -> list[tuple[str, str]]:
    """(path, text) of every string in a JSON value."""
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, Mapping):
        return [one for key, part in value.items() for one in texts_in(part, f"{path}.{key}")]
    if isinstance(value, list):
        return [one for index, part in enumerate(value) for one in texts_in(part, f"{path}[{index}]")]
    return []
