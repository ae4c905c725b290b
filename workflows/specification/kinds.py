"""What each kind of step takes in `with`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from controlplane.domain.expressions import ExpressionError, has_template
from controlplane.domain.json_schema import Fault, not_applicable, suggestion, value_faults
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.unknown import closed_faults
from controlplane.domain.schemas.validator import NotApplicable
from workflows.specification.catalogue import Catalogue, Schema
from workflows.specification.problems import Problems

KINDS = ("tool", "agent", "query", "transform", "wait", "approval", "workflow", "noop")
TARGETS = {"tool": "required", "workflow": "required", "agent": "optional"}
MAX_ROWS = 1_000_000
MAX_WAIT_SECONDS = 366 * 86400


class KindCheck:
    """Checks `uses` and `with` of one step at `field` (`steps[2]`)."""

    def __init__(self, problems: Problems, catalogue: Catalogue, field: str) -> None:
        self.problems = problems
        self.catalogue = catalogue
        self.field = field

    def check(self, uses: Any, with_: Any) -> None:
        if not self.problems.is_a(uses, str, "text such as tool:NAME", f"{self.field}.uses"):
            return
        kind, colon, target = uses.partition(":")
        if not self._check_uses(kind, colon, target):
            return
        if kind != "transform" and not isinstance(with_, Mapping):
            self.problems.add(f"{self.field}.with", "This must be an object.", "type")
            return
        self._checks()[kind](target, with_)

    def _checks(self) -> dict[str, Callable[[str, Any], None]]:
        return {
            "tool": self._tool,
            "agent": self._agent,
            "query": self._query,
            "transform": lambda target, with_: None,
            "wait": self._wait,
            "workflow": self._workflow,
            "noop": lambda target, with_: self.problems.unknown_keys(with_, (), f"{self.field}.with"),
        }

    def _check_uses(self, kind: str, colon: str, target: str) -> bool:
        field = f"{self.field}.uses"
        if kind == "approval":
            self.problems.add(field, "Approval steps are not available yet.", "not_available")
        elif kind not in KINDS:
            message = f"There is no kind of step {kind[:60]!r}.{suggestion(kind, KINDS)} There are {', '.join(KINDS)}."
            self.problems.add(field, message, "unknown_kind")
        elif colon and kind not in TARGETS:
            self.problems.add(field, f"{kind} takes no name after it.", "invalid")
        elif (colon and not target) or (not target and TARGETS.get(kind) == "required"):
            self.problems.add(field, f"Name the {kind}: {kind}:NAME.", "required")
        else:
            return True
        return False

    def _tool(self, target: str, with_: Mapping[str, Any]) -> None:
        if self.problems.exists(target, self.catalogue.tools, "tool", f"{self.field}.uses"):
            schema = self.catalogue.tools[target]
            self._tell(value_faults(schema, with_) if schema else [], f"{self.field}.with")

    def _workflow(self, target: str, with_: Mapping[str, Any]) -> None:
        self.problems.unknown_keys(with_, ("inputs",), f"{self.field}.with")
        if not self.problems.exists(target, self.catalogue.workflows, "workflow", f"{self.field}.uses"):
            return
        schema = self.catalogue.workflows[target]
        if schema is None:
            self.problems.add(f"{self.field}.uses", f"{target} has no released version yet.", "not_released")
            return
        inputs, field = with_.get("inputs", {}), f"{self.field}.with.inputs"
        if not isinstance(inputs, str) or not has_slot(inputs):
            self._inputs(schema, inputs, field)

    def _inputs(self, schema: Schema, inputs: Any, field: str) -> None:
        if self.problems.is_a(inputs, dict, "an object", field):
            self._tell(_faults_when_filled(schema, inputs) if schema else [], field)

    def _agent(self, target: str, with_: Mapping[str, Any]) -> None:
        field = f"{self.field}.with"
        if target:
            self.problems.exists(target, self.catalogue.agents, "agent", f"{self.field}.uses")
        self.problems.unknown_keys(with_, ("prompt", "input"), field)
        if "prompt" in with_:
            self.problems.is_a(with_["prompt"], str, "text", f"{field}.prompt")
        if not with_.keys() & {"prompt", "input"}:
            self.problems.add(field, "An agent needs a prompt or an input.", "required")

    def _query(self, target: str, with_: Mapping[str, Any]) -> None:
        field = f"{self.field}.with"
        self.problems.unknown_keys(with_, ("instance", "sql", "max_rows", "params"), field)
        for name in ("instance", "sql"):
            if name not in with_:
                self.problems.add(f"{field}.{name}", "This is required.", "required")
        if "instance" in with_:
            self._instance(with_["instance"], f"{field}.instance")
        if "sql" in with_:
            self._sql(with_["sql"], f"{field}.sql")
        if "max_rows" in with_ and not has_slot(with_["max_rows"]):
            self.problems.in_range(with_["max_rows"], 1, MAX_ROWS, f"{field}.max_rows", whole=True)
        if "params" in with_ and not has_slot(with_["params"]):
            self.problems.is_a(with_["params"], dict, "an object", f"{field}.params")

    def _instance(self, name: Any, field: str) -> None:
        if self.problems.is_a(name, str, "a name", field) and not has_slot(name):
            self.problems.exists(name, self.catalogue.instances, "instance", field)

    def _sql(self, sql: Any, field: str) -> None:
        if not self.problems.is_a(sql, str, "text", field):
            return
        if not sql.strip():
            self.problems.add(field, "This is required.", "required")
        if has_slot(sql):
            message = "Values never go into the text of SQL. Write :name and give it in params."
            self.problems.add(field, message, "template_in_sql")

    def _wait(self, target: str, with_: Mapping[str, Any]) -> None:
        field = f"{self.field}.with"
        self.problems.unknown_keys(with_, ("seconds", "until"), field)
        if len(with_.keys() & {"seconds", "until"}) != 1:
            self.problems.add(field, "A wait needs either seconds or until.", "required")
        if "seconds" in with_ and not has_slot(with_["seconds"]):
            self.problems.in_range(with_["seconds"], 0, MAX_WAIT_SECONDS, f"{field}.seconds")
        if "until" in with_ and not has_slot(with_["until"]) and not is_moment(with_["until"]):
            message = "This must be a moment with a time zone, such as 2026-01-31T12:00:00Z."
            self.problems.add(f"{field}.until", message, "type")

    def _tell(self, faults: Iterable[Fault], field: str) -> None:
        """Those of the literal parts; what a template gives is known only when it runs."""
        for fault in faults:
            if fault.code in ("required", "unknown") or not has_slot(fault.value):
                path = fault.path if not fault.path or fault.path.startswith("[") else f".{fault.path}"
                self.problems.add(f"{field}{path}", fault.message, fault.code)


def _faults_when_filled(schema: Schema, inputs: Any) -> list[Fault]:
    """A required input that has a default need not be given."""
    try:
        return closed_faults(schema, with_defaults(schema, inputs))
    except NotApplicable as error:
        return [not_applicable(error)]


def has_slot(value: Any) -> bool:
    """Like `has_template`, but a broken template counts: it is reported elsewhere."""
    try:
        return has_template(value)
    except ExpressionError:
        return True


def is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
