"""Validating specifications, and the typed values they become."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.domain.errors import FieldError, InvalidInput
from workflows.specification.language import Retry, Spec, StaticCatalogue, parse, validate

ISSUES = {
    "type": "object",
    "properties": {"days": {"type": "integer", "maximum": 90}, "state": {"type": "string"}},
    "required": ["days"],
    "additionalProperties": False,
}
CATALOGUE = StaticCatalogue(
    {
        "tool": {"list-issues": ISSUES, "post-message": None},
        "agent": {"triager": None},
        "instance": {"warehouse": None},
        "workflow": {"child": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}, "unreleased": None},
    }
)

DESIGN = """
params:
  type: object
  properties:
    days: {type: integer, enum: [7, 14, 30], default: 30}
steps:
  - key: fetch
    uses: tool:list-issues
    with: {days: "${{ params.days }}"}
    stage: extract
    retry: {max_attempts: 3, backoff_seconds: 2, factor: 2, max_seconds: 60}
    timeout_seconds: 60
  - key: open
    uses: transform
    needs: [fetch]
    with: {items: "${{ steps.fetch.output.items.filter(i, i.state == 'open') }}"}
  - key: review
    uses: agent:triager
    needs: [open]
    with: {prompt: "Rank ${{ size(steps.open.output.items) }} issues"}
  - key: notify
    uses: tool:post-message
    needs: [review]
    when: run.environment == 'production'
    foreach: ${{ steps.open.output.items }}
    max_parallel: 20
    with: {to: "${{ item.owner }} ${{ index }}"}
    on_error: continue
    run_if: always
  - {key: rest, uses: wait, with: {seconds: 5}}
  - {key: until, uses: wait, with: {until: "2026-01-31T12:00:00Z"}}
  - {key: rows, uses: query, with: {instance: warehouse, sql: "select :n", params: {n: 1}, max_rows: 10}}
  - {key: chosen, uses: agent, with: {input: {a: 1}}}
  - {key: inner, uses: "workflow:child", with: {inputs: {n: "${{ params.days }}"}}}
  - {key: done, uses: noop, needs: [rest, until], when: true}
outputs:
  count: ${{ size(steps.open.output.items) }}
timeout_seconds: 3600
"""

STEP = {"key": "a", "uses": "noop"}


def _with(**changes: object) -> dict[str, object]:
    return {"steps": [{**STEP, **changes}]}


def _tool(with_: object) -> dict[str, object]:
    return _with(uses="tool:list-issues", **{"with": with_})


def _query(**changes: object) -> dict[str, object]:
    return _with(uses="query", **{"with": {"instance": "warehouse", "sql": "select 1", **changes}})


def _transform(value: str, **changes: object) -> dict[str, object]:
    return _with(uses="transform", **{"with": {"v": value}}, **changes)


REFUSED = [
    ({}, "steps", "required", "at least one step"),
    ({"steps": []}, "steps", "range", "1 to 500 steps"),
    ({"steps": [STEP] * 501}, "steps", "range", "not 501"),
    ({"steps": {}}, "steps", "type", "a list of steps"),
    ({"steps": ["noop"]}, "steps[0]", "type", "an object"),
    ({"steps": [STEP], "stepz": 1}, "stepz", "unknown_key", "Did you mean steps?"),
    ({"steps": [{"uses": "noop"}]}, "steps[0].key", "required", "required"),
    ({"steps": [{"key": "a"}]}, "steps[0].uses", "required", "required"),
    (_with(key="post-it"), "steps[0].key", "invalid_key", "Write post_it."),
    (_with(key="in"), "steps[0].key", "invalid_key", "word of CEL"),
    (_with(key="x" * 64), "steps[0].key", "invalid_key", "1 to 63"),
    ({"steps": [STEP, STEP]}, "steps[1].key", "duplicate", "taken by steps[0]"),
    (_with(retries=3), "steps[0].retries", "unknown_key", "Did you mean retry?"),
    (_with(uses="approval"), "steps[0].uses", "not_available", "Approval steps are not available yet."),
    (_with(uses="trasform"), "steps[0].uses", "unknown_kind", "Did you mean transform?"),
    (_with(uses="tool"), "steps[0].uses", "required", "tool:NAME"),
    (_with(uses="agent:"), "steps[0].uses", "required", "agent:NAME"),
    (_with(uses="noop:x"), "steps[0].uses", "invalid", "takes no name"),
    (_with(uses=3), "steps[0].uses", "type", "text"),
    (_with(uses="tool:list-isues"), "steps[0].uses", "unknown_tool", "Did you mean list-issues?"),
    (_with(uses="agent:x", **{"with": {"prompt": "p"}}), "steps[0].uses", "unknown_agent", "no agent named 'x'"),
    (_with(uses="workflow:x"), "steps[0].uses", "unknown_workflow", "no workflow named 'x'"),
    (_with(uses="workflow:unreleased"), "steps[0].uses", "not_released", "no released version"),
    (_with(uses="workflow:child"), "steps[0].with.inputs.n", "required", "required"),
    (
        _with(uses="workflow:child", **{"with": {"inputs": {"n": 1, "m": 2}}}),
        "steps[0].with.inputs.m",
        "unknown",
        "'m'",
    ),
    (_tool({}), "steps[0].with.days", "required", "required"),
    (_tool({"days": "x"}), "steps[0].with.days", "type", "an integer, not a string"),
    (_tool({"days": 91}), "steps[0].with.days", "maximum", "at most 90"),
    (_tool({"days": 1, "stat": "x"}), "steps[0].with.stat", "unknown", "Did you mean state?"),
    (_tool("days"), "steps[0].with", "type", "an object"),
    (_query(instance="warehous"), "steps[0].with.instance", "unknown_instance", "Did you mean warehouse?"),
    (_query(sql=" "), "steps[0].with.sql", "required", "required"),
    (_query(sql="select ${{ 1 }}"), "steps[0].with.sql", "template_in_sql", "Write :name"),
    (_query(max_rows=0), "steps[0].with.max_rows", "range", "an integer from 1"),
    (_query(params=[1]), "steps[0].with.params", "type", "an object"),
    (_query(limit=1), "steps[0].with.limit", "unknown_key", "Known here"),
    (_with(uses="query"), "steps[0].with.instance", "required", "required"),
    (_with(uses="agent"), "steps[0].with", "required", "a prompt or an input"),
    (_with(uses="agent", **{"with": {"prompt": 3}}), "steps[0].with.prompt", "type", "text"),
    (_with(uses="wait"), "steps[0].with", "required", "either seconds or until"),
    (_with(uses="wait", **{"with": {"seconds": -1}}), "steps[0].with.seconds", "range", "from 0"),
    (_with(uses="wait", **{"with": {"until": "2026-01-31"}}), "steps[0].with.until", "type", "time zone"),
    (_with(**{"with": {"a": 1}}), "steps[0].with.a", "unknown_key", "nothing"),
    (_with(needs="b"), "steps[0].needs", "type", "a list"),
    (_with(needs=["b"]), "steps[0].needs[0]", "unknown_step", "no step 'b'"),
    (_with(needs=["a"]), "steps[0].needs[0]", "cycle", "cannot need itself"),
    (_with(on_error="ignore"), "steps[0].on_error", "enum", "fail, continue"),
    (_with(run_if=True), "steps[0].run_if", "enum", "success, always"),
    (_with(stage=""), "steps[0].stage", "range", "1 to 63"),
    (_with(timeout_seconds=0), "steps[0].timeout_seconds", "range", "a number from"),
    (_with(timeout_seconds=True), "steps[0].timeout_seconds", "type", "a number from"),
    (_with(retry={"max_attempts": 21}), "steps[0].retry.max_attempts", "range", "from 1 to 20"),
    (_with(retry={"max_attempts": 1.5}), "steps[0].retry.max_attempts", "type", "an integer"),
    (_with(retry={"attempts": 2}), "steps[0].retry.attempts", "unknown_key", "Did you mean max_attempts?"),
    (_with(uses="workflow:other", retry={"max_attempts": 2}), "steps[0].retry", "invalid", "is not retried"),
    (_with(retry=3), "steps[0].retry", "type", "an object"),
    (_with(max_parallel=3), "steps[0].max_parallel", "invalid", "only with foreach"),
    (_with(foreach=[1], max_parallel=1001), "steps[0].max_parallel", "range", "from 1 to 1,000"),
    (_with(foreach="items"), "steps[0].foreach", "type", "a list or a template"),
    (_with(foreach=[1] * 10_001), "steps[0].foreach", "range", "At most 10,000"),
    (_with(when=3), "steps[0].when", "type", "an expression"),
    (_with(when="1 +"), "steps[0].when", "expression", "ends too early"),
    (_with(when="item == 1", foreach=[1]), "steps[0].when", "unknown_name", "foreach"),
    (_transform("${{ item }}"), "steps[0].with.v", "unknown_name", "foreach"),
    (_transform("${{ secrets.KEY }}"), "steps[0].with.v", "unknown_name", "Secrets are not available"),
    (_transform("${{ parms.a }}"), "steps[0].with.v", "unknown_name", "Did you mean params?"),
    (_transform("${{ params.a }}"), "steps[0].with.v", "unknown_param", "no parameter 'a'"),
    (_transform("${{ steps.b.output }}"), "steps[0].with.v", "unknown_step", "no step 'b'"),
    (_transform("${{ steps.a.output }}"), "steps[0].with.v", "reference", "its own output"),
    (_transform("${{ steps[run.x].output }}"), "steps[0].with.v", "reference", "Name the step"),
    (_transform("${{ open"), "steps[0].with.v", "expression", "never closed"),
    (_transform("${{ 1 + 'a' }}"), "steps[0].with.v", "expression", "cannot be used on (int, string)"),
    ({"steps": [STEP], "outputs": {"o": "${{ steps.b.status }}"}}, "outputs.o", "unknown_step", "no step 'b'"),
    ({"steps": [STEP], "outputs": {"o": "${{ steps.a.items }}"}}, "outputs.o", "reference", "steps.a.output.items"),
    ({"steps": [STEP], "outputs": []}, "outputs", "type", "an object"),
    ({"steps": [STEP], "timeout_seconds": "1h"}, "timeout_seconds", "type", "a number"),
    ({"steps": [STEP], "params": []}, "params", "type", "JSON Schema"),
    ({"steps": [STEP], "params": {"type": "array"}}, "params.type", "type", "must be object"),
    ({"steps": [STEP], "params": {"properties": {"a": {"type": "int"}}}}, "params.properties.a.type", "anyOf", "none"),
    (
        {"steps": [STEP], "params": {"properties": {"a": {"type": "integer", "default": "x"}}}},
        "params.properties.a.default",
        "type",
        "The default does not fit",
    ),
    (
        {"steps": [STEP], "params": {"properties": {"a": {"$ref": "https://example.com/s"}}}},
        "params.properties.a.$ref",
        "reference",
        "#/$defs/NAME",
    ),
    (_transform("a\x00b"), "steps[0].with.v", "unstorable", "cannot be stored"),
    (_with(**{"with": {"a\x00": 1}}), "steps[0].with.a\x00", "unstorable", "cannot be stored"),
    (_with(**{"with": {"a": float("nan")}}), "", "type", "JSON does not have"),
    (_transform("a\ud800b"), "steps[0].with.v", "unstorable", "cannot be stored"),
]


@pytest.mark.parametrize(("document", "field", "code", "message"), REFUSED)
def test_it_refuses_at_the_exact_path(document, field, code, message):
    with pytest.raises(InvalidInput) as refused:
        validate(document, catalogue=CATALOGUE)
    found = [error for error in refused.value.errors if error.field == field]
    assert [error.code for error in found] == [code], refused.value.errors
    assert message in found[0].message


def test_the_language_of_the_design_is_accepted():
    spec = validate(parse(DESIGN), catalogue=CATALOGUE)
    assert [step.kind for step in spec.steps] == [
        "tool",
        "transform",
        "agent",
        "tool",
        "wait",
        "wait",
        "query",
        "agent",
        "workflow",
        "noop",
    ]
    assert spec.timeout_seconds == 3600
    assert spec.asks_for_agent
    assert spec.outputs == {"count": "${{ size(steps.open.output.items) }}"}


def test_a_step_is_typed_and_frozen():
    step = validate(parse(DESIGN), catalogue=CATALOGUE).step("notify")
    assert (step.kind, step.target, step.needs, step.max_parallel) == ("tool", "post-message", ("review",), 20)
    assert (step.on_error, step.run_if, step.foreach) == ("continue", "always", "${{ steps.open.output.items }}")
    assert step.retry == Retry(max_attempts=1)
    with pytest.raises(FrozenInstanceError):
        step.key = "other"


def test_all_errors_come_at_once_with_their_lines():
    text = "steps:\n  - key: A\n    uses: noop\n  - key: b\n    uses: nop\n    needs: [zz]\n    when: '1 +'\n"
    with pytest.raises(InvalidInput) as refused:
        validate(parse(text), catalogue=CATALOGUE)
    assert [(error.line, error.field) for error in refused.value.errors] == [
        (2, "steps[0].key"),
        (5, "steps[1].uses"),
        (6, "steps[1].needs[0]"),
        (7, "steps[1].when"),
    ]
    assert "There are 4 problems." in refused.value.detail


def test_of_very_many_errors_the_first_are_told():
    """A list of a hundred thousand takes no longer than one of a thousand."""
    steps = [STEP, {"key": "b", "uses": "noop", "needs": ["a"] * 100_000}]
    with pytest.raises(InvalidInput, match="There are 1,000 or more problems") as refused:
        validate({"steps": steps}, catalogue=CATALOGUE)
    assert [error.field for error in refused.value.errors] == [f"steps[1].needs[{index}]" for index in range(1, 201)]


def test_a_missing_field_is_shown_at_what_holds_it():
    with pytest.raises(InvalidInput) as refused:
        validate(parse("steps:\n  - key: a\n    uses: query\n"), catalogue=CATALOGUE)
    assert {error.line for error in refused.value.errors} == {2}


def test_a_cycle_is_named():
    steps = [{"key": key, "uses": "noop", "needs": [need]} for key, need in ("ab", "bc", "ca")]
    with pytest.raises(InvalidInput) as refused:
        validate({"steps": steps}, catalogue=CATALOGUE)
    assert [(error.code, error.message) for error in refused.value.errors] == [
        ("cycle", "The steps need each other in a circle: a → b → c → a.")
    ]


def test_reading_a_step_that_is_not_upstream_is_refused():
    steps = [STEP, {"key": "b", "uses": "transform", "with": {"v": "${{ steps.a.output }}"}}]
    with pytest.raises(InvalidInput, match=r"add 'a' to the needs of step 'b'"):
        validate({"steps": steps}, catalogue=CATALOGUE)


def test_reading_a_step_upstream_of_what_is_needed_is_allowed():
    last = {"key": "c", "uses": "transform", "needs": ["b"], "with": {"v": "${{ steps.a.output }}"}}
    steps = [STEP, {"key": "b", "uses": "noop", "needs": ["a"]}, last]
    assert validate({"steps": steps}, catalogue=CATALOGUE).step("c").needs == ("b",)


@pytest.mark.parametrize("days", ["${{ params.days }}", "${{ 3 }}"])
def test_what_a_template_gives_is_not_judged_before_it_runs(days):
    document = {"params": {"properties": {"days": {}}}, **_tool({"days": days})}
    assert validate(document, catalogue=CATALOGUE).step("a").with_ == {"days": days}


@pytest.mark.parametrize("value", [None, [1, "${{ params.x }}"], "text", 3, {}])
def test_a_transform_takes_any_value(value):
    document = {"params": {"additionalProperties": True}, **_with(uses="transform", **{"with": value})}
    assert validate(document, catalogue=CATALOGUE).step("a").with_ == ({} if value is None else value)


def test_deep_and_large_documents_are_refused():
    deep: object = 1
    for _ in range(3000):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="nested more than 40"):
        validate(_with(**{"with": deep}), catalogue=CATALOGUE)
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        validate(_transform("x" * 3_000_000), catalogue=CATALOGUE)


def test_from_document_reads_what_validate_read():
    document = parse(DESIGN)
    assert Spec.from_document(json.loads(json.dumps(document))) == validate(document, catalogue=CATALOGUE)


def test_the_wait_before_a_retry_grows_up_to_its_limit():
    retry = Retry(max_attempts=20, backoff_seconds=2, factor=3, max_seconds=50)
    assert [retry.delay(attempt) for attempt in (1, 2, 3, 4, 1000)] == [2, 6, 18, 50, 50]


KEYS = ["key", "uses", "with", "needs", "when", "steps", "params", "retry", "foreach", "outputs", "max_attempts"]
MEANT = ["a", "noop", "tool:x", "agent", "query", "type", "object", "properties", "$ref", "inputs"]
WORDS = st.sampled_from([*KEYS, *MEANT, "${{ steps.a.output }}", "${{"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(WORDS, part, max_size=4),
)
STEPS = st.lists(st.dictionaries(WORDS, JUNK, max_size=5) | JUNK, max_size=4)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(WORDS, JUNK, max_size=4), STEPS, JUNK)
def test_whatever_comes_is_accepted_or_refused_never_an_accident(document, steps, params):
    errors = _errors({**document, "steps": steps, "params": params})
    assert all(error.message and error.code for error in errors)


def _errors(document: dict[str, object]) -> list[FieldError]:
    """What `validate` says against the document; any other exception passes through."""
    try:
        validate(document, catalogue=CATALOGUE)
    except InvalidInput as refused:
        assert refused.errors  # noqa: PT017 - a refusal without an error would be useless
        return refused.errors
    return []
