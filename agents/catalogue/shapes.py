"""The JSON Schemas of tools, agents and instances as people write them, and of their configuration by kind."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agents.models import Agent, AgentKind, Catalogued, Instance, Tool, ToolKind
from controlplane.domain.json_schema import closed
from controlplane.projects.models import NAME_PATTERN

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_ROWS = 1_000_000
MAX_STEPS = 1_000

TEXT: dict[str, Any] = {"type": "string", "maxLength": 100_000}
SHORT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}
NAME: dict[str, Any] = {"type": "string", "pattern": NAME_PATTERN}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}
PRICE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1_000_000}
URL: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 2_000}
HEADERS: dict[str, Any] = {
    "type": "object",
    "maxProperties": 50,
    "propertyNames": {"pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"},
    "additionalProperties": {"type": "string", "maxLength": 8_000},
}


HTTP = closed({"method": {"enum": list(METHODS)}, "url": URL, "headers": HEADERS}, "url")
FUNCTION = closed({"function": SHORT}, "function")
SQL = closed(
    {
        "instance": NAME,
        "sql": {**TEXT, "minLength": 1},
        "max_rows": {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
    },
    "instance",
    "sql",
)
LLM = closed(
    {
        "base_url": URL,
        "model": SHORT,
        "api_key": {"type": "string", "maxLength": 200},
        "instructions": TEXT,
        "tools": {"type": "array", "items": NAME, "uniqueItems": True, "maxItems": 100},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "max_steps": {"type": "integer", "minimum": 1, "maximum": MAX_STEPS},
        "max_cost_usd": {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000},
        "input_usd_per_mtok": PRICE,
        "output_usd_per_mtok": PRICE,
        "output_schema": {"type": "object"},
    },
    "base_url",
    "model",
)
TOOL_CONFIGS = {ToolKind.HTTP: HTTP, ToolKind.FUNCTION: FUNCTION, ToolKind.SQL: SQL}
AGENT_CONFIGS = {AgentKind.LLM: LLM, AgentKind.HTTP: HTTP, AgentKind.FUNCTION: FUNCTION}

# What a model's field does not say of itself.
SAID: dict[str, dict[str, Any]] = {
    "name": NAME,
    "description": {"type": "string", "maxLength": 10_000},
    "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 50}},
    # Digits of money are lost in a number, so that it may come as text.
    "cost_usd": {"type": ["string", "number"]},
}
TYPES = {models.PositiveIntegerField: "integer", models.BooleanField: "boolean", models.JSONField: "object"}
LIMITS = {MinValueValidator: "minimum", MaxValueValidator: "maximum"}


def shape_of(model: type[Catalogued], *required: str, **more: Any) -> dict[str, Any]:
    """The schema of all that people write into a row, and of `more`."""
    return closed({field.name: rule_for(field) for field in model.written_fields()} | more, *required)


def rule_for(field: models.Field[Any, Any]) -> dict[str, Any]:
    if field.name in SAID:
        return SAID[field.name]
    if field.choices:
        return {"enum": [value for value, _ in field.flatchoices]}
    kind = TYPES[type(field)]
    rules = [rule for rule in field.validators if isinstance(rule, MinValueValidator | MaxValueValidator)]
    limits = {LIMITS[type(rule)]: rule.limit_value for rule in rules}
    return {"type": [kind, "null"] if field.null else kind, **limits}


TOOL = shape_of(Tool, "name", "kind", "config")
AGENT = shape_of(Agent, "name", "kind", "config")
INSTANCE = shape_of(Instance, "name", "engine", url={"type": "string", "maxLength": 4_000})
# What an agent is asked with, as its test page shows it.
AGENT_INPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "format": "multiline"},
        "input": {"title": "Input", "description": "Anything beside the prompt, as JSON."},
    },
}
