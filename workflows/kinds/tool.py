"""`tool:NAME`: one call of a tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from controlplane.domain.json_schema import Fault, value_faults
from workflows.kinds.declaration import Found, Schema, StepKind, Target, below


def input_schemas(rows: QuerySet[Any]) -> Found:
    return {name: schema or None for name, schema in rows.values_list("name", "input_schema")}


def check_input(schema: Schema | None, with_: Mapping[str, Any]) -> Iterator[Fault]:
    yield from below("with", value_faults(schema, with_) if schema else ())


KIND = StepKind(
    name="tool",
    label="Tool",
    icon="tool",
    does="Calls a tool once.",
    takes="the tool's input. Its literal parts are compared with the tool's input schema when the workflow is saved, "
    "the rest when it runs",
    example='{key: fetch, uses: "tool:list-issues", with: {days: 30}}',
    schema={"type": "object"},
    target=Target("agents.Tool", "agents:tool_detail", find=input_schemas, check=check_input),
)
