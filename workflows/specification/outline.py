"""A specification as people read it: its steps and parameters, also of a draft that is still wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.domain.schemas.shape import Shape, admits_null, properties_of, required_of, types_of
from controlplane.domain.words import noun_for
from workflows.kinds import kind_of
from workflows.specification.reading import Document

# Of a step whose kind is not known, in a draft.
UNKNOWN_ICON = "circle-dashed"


@dataclass(frozen=True)
class StepLine:
    """One step in words. `rules` are short sentences about when and how often; `line` is where it stands, if known."""

    key: str
    uses: str
    needs: tuple[str, ...]
    stage: str
    rules: tuple[str, ...]
    line: int | None

    @property
    def icon(self) -> str:
        kind = kind_of(self.uses)
        return kind.icon if kind else UNKNOWN_ICON


@dataclass(frozen=True)
class ParameterLine:
    """One input of a run in words; `default` is None without one."""

    name: str
    type: str
    required: bool
    default: str | None
    help: str


def steps_of(document: Mapping[str, Any]) -> list[StepLine]:
    """Every step that has a key; the first of those that share one."""
    steps, lines = document.get("steps"), document.lines if isinstance(document, Document) else {}
    found: dict[str, StepLine] = {}
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        key = step.get("key") if isinstance(step, Mapping) else None
        if isinstance(key, str) and key:
            found.setdefault(key, step_line(step, lines.get(f"steps[{index}]")))
    return list(found.values())


def step_line(step: Mapping[str, Any], line: int | None) -> StepLine:
    needs = step.get("needs")
    return StepLine(
        key=step["key"],
        uses=text_of(step.get("uses")),
        needs=tuple(need for need in needs if isinstance(need, str)) if isinstance(needs, list) else (),
        stage=text_of(step.get("stage")),
        rules=tuple(rules_of(step)),
        line=line,
    )


def rules_of(step: Mapping[str, Any]) -> list[str]:
    rules = []
    if step.get("when") is not None:
        rules.append(f"when {text_of(step['when'])}")
    if step.get("foreach") is not None:
        parallel = f", {text_of(step['max_parallel'])} at once" if step.get("max_parallel") else ""
        rules.append(f"for each of {text_of(step['foreach'])}{parallel}")
    if isinstance(step.get("retry"), Mapping):
        attempts = text_of(step["retry"].get("max_attempts", 1))
        rules.append(f"up to {attempts} {noun_for(attempts == '1', 'attempts')}")
    if step.get("timeout_seconds"):
        rules.append(f"at most {text_of(step['timeout_seconds'])} s")
    if step.get("on_error") == "continue":
        rules.append("may fail")
    if step.get("run_if") == "always":
        rules.append("runs always")
    return rules


def parameters_of(document: Mapping[str, Any]) -> list[ParameterLine]:
    params = document.get("params")
    try:
        shapes, needed = (properties_of(params), required_of(params)) if isinstance(params, Mapping) else ({}, [])
        return [parameter_line(name, shape, name in needed) for name, shape in shapes.items()]
    except (TypeError, ValueError, AttributeError, RecursionError):
        # Whatever a draft has there that is no schema, its own page says so.
        return []


def parameter_line(name: str, shape: Shape, required: bool) -> ParameterLine:
    choices = shape.get("enum")
    kinds = " | ".join(types_of(shape) + (["null"] if admits_null(shape) else []))
    kind = " | ".join("null" if one is None else text_of(one) for one in choices) if choices else kinds or "any"
    default = json.dumps(shape["default"], ensure_ascii=False) if "default" in shape else None
    return ParameterLine(name, kind, required, default, text_of(shape.get("description") or shape.get("title")))


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
