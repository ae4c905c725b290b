"""What a step uses and what it hands over, checked by what its kind declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from controlplane.domain.json_schema import Fault, suggestion, value_faults
from workflows.kinds import KINDS, StepKind, kind_of
from workflows.kinds.declaration import below, has_slot
from workflows.specification.catalogue import Catalogue
from workflows.specification.problems import Problems

WORDS = {"string": "text", "integer": "an integer", "number": "a number", "object": "an object", "array": "a list"}


def check_uses(step: Mapping[str, Any], field: str, problems: Problems, catalogue: Catalogue) -> None:
    """`uses` and `with`, and whether a `retry` makes sense, of the step at `field` (`steps[2]`)."""
    uses = step["uses"]
    if not problems.is_a(uses, str, "text such as tool:NAME", f"{field}.uses"):
        return
    kind = kind_of(uses)
    if kind is None:
        problems.add(f"{field}.uses", *unknown_kind(uses))
    elif fault := fault_of_name(kind, uses):
        problems.add(f"{field}.uses", *fault)
    else:
        check_kind(kind, step, field, problems, catalogue)


def check_kind(kind: StepKind, step: Mapping[str, Any], field: str, problems: Problems, catalogue: Catalogue) -> None:
    with_ = {} if step.get("with") is None else step["with"]
    if kind.no_retry and step.get("retry") is not None:
        problems.add(f"{field}.retry", kind.no_retry, "invalid")
    if kind.schema.get("type") == "object" and not isinstance(with_, Mapping):
        problems.add(f"{field}.with", "This must be an object.", "type")
        return
    add_faults([*below("with", faults_of_schema(kind, with_)), *kind.check(with_)], field, problems)
    check_target(kind, step["uses"], with_, field, problems, catalogue)


def unknown_kind(uses: str) -> tuple[str, str]:
    name = uses.partition(":")[0]
    message = f"There is no kind of step {name[:60]!r}.{suggestion(name, list(KINDS))} There are {', '.join(KINDS)}."
    return message, "unknown_kind"


def fault_of_name(kind: StepKind, uses: str) -> tuple[str, str] | None:
    """(sentence, code) when the kind is not available, or lacks the name after it, or has one too many."""
    _, colon, name = uses.partition(":")
    if kind.unavailable:
        return kind.unavailable, "not_available"
    if colon and not kind.takes_name:
        return f"{kind.name} takes no name after it.", "invalid"
    if not name and (colon or kind.needs_name):
        return f"Name the {kind.name}: {kind.name}:NAME.", "required"
    return None


def faults_of_schema(kind: StepKind, with_: Any) -> Iterator[Fault]:
    for fault in value_faults(kind.schema, with_):
        rule = kind.schema.get("properties", {}).get(fault.path, {})
        if not fault.path and fault.code in kind.sentences:
            yield Fault("", kind.sentences[fault.code], "required")
        elif fault.code == "unknown":
            known = f" Known here: {', '.join(kind.keys) or 'nothing'}."
            hinted = fault.message if "Did you mean" in fault.message else f"{fault.message}{known}"
            yield replace(fault, message=hinted, code="unknown_key")
        elif fault.code in ("type", "minimum", "maximum") and rule.get("type") in WORDS:
            yield replace(fault, message=f"This must be {words_for(rule)}.", code=RANGES.get(fault.code, fault.code))
        else:
            yield fault


def words_for(rule: Mapping[str, Any]) -> str:
    """`an integer from 1 to 1,000,000`."""
    limits = f" from {rule['minimum']:,} to {rule['maximum']:,}" if {"minimum", "maximum"} <= rule.keys() else ""
    return f"{WORDS[rule['type']]}{limits}"


def check_target(kind: StepKind, uses: str, with_: Any, field: str, problems: Problems, catalogue: Catalogue) -> None:
    """That what it names exists, and takes what it is given."""
    target, name = kind.target, kind.name_in(uses, with_)
    if target is None or not name:
        return
    known, place = catalogue.named(target), f"{field}.with.{target.key}" if target.key else f"{field}.uses"
    if problems.exists(name, known, target.noun, place):
        add_faults(target.check(known[name], with_), field, problems)


def add_faults(faults: Any, field: str, problems: Problems) -> None:
    """Those of the literal parts; what a template gives is known only when it runs."""
    for fault in faults:
        if fault.code in WHATEVER or not has_slot(fault.value):
            problems.add(f"{field}.{fault.path}", fault.message, fault.code)


RANGES = {"minimum": "range", "maximum": "range"}
# Wrong whatever the templates give.
WHATEVER = ("required", "unknown", "unknown_key")
