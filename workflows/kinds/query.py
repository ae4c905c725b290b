"""`query`: one reading SQL statement on an instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.domain.json_schema import Fault, closed
from workflows.kinds.declaration import StepKind, Target, has_slot

MAX_ROWS = 1_000_000


def check_sql(with_: Mapping[str, Any]) -> Iterator[Fault]:
    sql = with_.get("sql")
    if not isinstance(sql, str):
        return
    if not sql.strip():
        yield Fault("with.sql", "This is required.", "required")
    if has_slot(sql):
        message = "Values never go into the text of SQL. Write :name and give it in params."
        yield Fault("with.sql", message, "template_in_sql")


KIND = StepKind(
    name="query",
    label="Query",
    icon="sql",
    does="Runs one reading SQL statement on an instance.",
    takes="`instance` (a name or a template), `sql` with `:named` parameters, `params`, `max_rows` "
    f"(1 to {MAX_ROWS:,}). `sql` takes no templates: values never go into the text of SQL. On PostgreSQL they have "
    "JSON's types (bigint, numeric, boolean, text, jsonb, arrays of these) where the statement asks for no other",
    example='{key: rows, uses: query, with: {instance: warehouse, sql: "SELECT * FROM orders WHERE id = :id", '
    "params: {id: 7}, max_rows: 100}}",
    schema=closed(
        {
            "instance": {"type": "string", "description": "The name of an instance."},
            "sql": {"type": "string", "description": "One statement; values go in as :name."},
            "params": {"type": "object", "description": "A value for each :name."},
            "max_rows": {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
        },
        "instance",
        "sql",
    ),
    check=check_sql,
    target=Target("agents.Instance", "agents:instance_detail", key="instance"),
    pure=True,
)
