"""Expressions: what they give, what they refuse and where they stop."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from controlplane.domain.expressions import ExpressionError, LimitReached, compile, condition, evaluate, names_used
from controlplane.domain.failures import Failure

CONTEXT = {
    "params": {"days": 30, "rate": 1.5, "none": None, "name": "Ada", "x-y": 1, "on": True},
    "steps": {
        "fetch": {
            "status": "succeeded",
            "output": {"items": [{"state": "open", "n": 1}, {"state": "closed", "n": 2}]},
        }
    },
    "run": {"environment": "production"},
}

GIVES = [
    ("params.days == 30", True),
    ("params.days == 30.0", True),
    ("params.days + 1", 31),
    ("params.days * params.rate", 45.0),
    ("params.days / 4", 7),
    ("-params.days / 4", -7),
    ("-params.days % 7", -2),
    ("params.days / 4.0", 7.5),
    ("params.none == null", True),
    ("params.on == 1", False),
    ("params['x-y']", 1),
    ("params.?missing.orValue(3)", 3),
    ("params.?missing.?deeper", None),
    ("params.?days.hasValue()", True),
    ("params.?name.optMap(n, n + '!').orValue('')", "Ada!"),
    ("[?params.?missing, ?params.?name]", ["Ada"]),
    ("{'a': {'b': params.days}}", {"a": {"b": 30}}),
    ("has(params.days) && !has(params.missing)", True),
    ("params.missing || true", True),
    ("false && params.missing", False),
    ("params.missing && false", False),
    ("params.days > 20 ? 'long' : 'short'", "long"),
    ("steps.fetch.output.items.filter(i, i.state == 'open')", [{"state": "open", "n": 1}]),
    ("steps.fetch.output.items.map(i, i.n * 2)", [2, 4]),
    ("steps.fetch.output.items.map(i, i.n > 1, i.n)", [2]),
    ("steps.fetch.output.items.exists(i, i.n == 2)", True),
    ("steps.fetch.output.items.all(i, i.n < 2)", False),
    ("steps.fetch.output.items.exists_one(i, i.n > 1)", True),
    ("size(steps.fetch.output.items)", 2),
    ("steps.fetch.output.items[1].state", "closed"),
    ("[1, 2].map(x, [3, 4].map(x, x * 10))", [[30, 40], [30, 40]]),
    ("[1, 2].map(x, [3].map(y, x + y))", [[4], [5]]),
    ("cel.bind(n, params.days, n + n)", 60),
    ("params.map(k, k).size()", 6),
    ("'days' in params && 2 in [1.0, 2.0].map(x, dyn(x))", True),
    ("params.name.startsWith('A') && params.name.matches('^[A-Z]')", True),
    ("'a,b'.split(',').join('-').upperAscii()", "A-B"),
    ("' é😀 '.trim().size()", 2),
    ("'hello'.substring(1, 3) + 'hello'.charAt(4) + string('hello'.indexOf('l'))", "elo2"),
    ("'banana'.replace('an', 'AN', 1)", "bANana"),
    ("int('12') + int(3.9)", 15),
    ("double(params.days)", 30.0),
    ("string(params.rate) + string(true) + string(params.days)", "1.5true30"),
    ("math.greatest(params.days, 31) + math.least([1, 2])", 32),
    ("math.round(2.5)", 3.0),
    ("timestamp('2026-01-31T22:30:00Z') + duration('1h30m')", "2026-02-01T00:00:00Z"),
    ("timestamp('2026-01-31T23:00:00+02:00') - timestamp('2026-01-31T20:59:30Z')", "30s"),
    ("timestamp('2026-01-31T12:00:00Z').getFullYear()", 2026),
    ("duration('90m').getHours()", 1),
    ("{1: 'a'}", {"1": "a"}),
]

REFUSES = [
    ("params.missing", "params.missing does not exist (there are: days, rate, none, name, x-y, on).", 6),
    ("params.none.deeper", "params.none.deeper does not exist: params.none is null.", 11),
    ("steps.fetch.output.items.state", "steps.fetch.output.items.state does not exist", 24),
    ("params['gone']", "There is no key 'gone'", 6),
    ("steps.fetch.output.items[7]", "There is no item 7: the list has 2", 24),
    ("steps.fetch.output.items.map(i, i.size)", "i.size does not exist", 33),
    ("params.days ? 1 : 2", "params.days must be true or false here, and is an integer.", 6),
    ("params.days && true", "params.days must be true or false here", 6),
    ("params.days + params.name", "+ cannot be used on an integer and a string.", 12),
    ("params.days < params.name", "< cannot be used on an integer and a string.", 12),
    ("params.days.map(x, x)", "params.days is an integer, so it cannot be looped over.", None),
    ("1 / 0", "Division by zero.", 2),
    ("9223372036854775807 + params.days", "too large", 20),
    ("int('x')", "int() cannot read 'x'.", 3),
    ("'a'.matches('(')", "bad regular expression", 11),
    ("timestamp('soon')", "timestamp() cannot read 'soon'", 9),
    ("nope.x", "nope.x is not known here.", None),
    ("params.", "The expression ends too early.", None),
    ("1 +\n )", "Unexpected ')'.", 5),
    ("1 + 1.0", "+ cannot be used on (int, double).", 2),
    ("unknown(1)", "unknown is not known here.", 7),
    ("b'bytes'", "Bytes are not available", 0),
    ("'%d'.format([1])", "format is not available here.", 11),
    ("type(1) == int", "is not available here.", None),
    ("", "The expression is empty.", 0),
    ("'" + "x" * 5000 + "'", "longer than 4,000 characters", 4000),
    ("(" * 40 + "1" + ")" * 40, "nested too deeply", None),
    ("'\ud800'", "not valid Unicode", None),
    ("double('inf')", "not a finite number", None),
]

STOPS = [
    "[1,2,3,4,5,6,7,8,9,10]" + ".map(a, [a,a,a,a,a,a,a,a,a,a])" * 7,
    "steps.many.map(a, steps.many.map(b, steps.many.map(c, a * b * c)))",
    "steps.many.all(a, steps.many.all(b, steps.many.all(c, a + b + c >= 0)))",
    "['0123456789']" + ".map(a, a + a)" * 28,
    "size(['0123456789']" + ".map(a, a + a)" * 28 + ") > 0",
    "[[1]]" + ".map(a, a + a)" * 28,
    "'xx'" + ".replace('x', 'xxxxxxxxxx')" * 25,
    "['x']" + ".map(a, [a, a, a, a].join(a))" * 28,
]


@pytest.mark.parametrize(("source", "value"), GIVES)
def test_it_gives_the_json_value(source, value):
    found = evaluate(source, CONTEXT)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("source", "message", "position"), REFUSES)
def test_it_refuses_with_a_sentence_and_a_position(source, message, position):
    with pytest.raises(ExpressionError) as refused:
        evaluate(source, CONTEXT)
    assert message in refused.value.message
    assert refused.value.source == source
    if position is not None:
        assert refused.value.position == position


@pytest.mark.parametrize("source", STOPS)
def test_it_stops_what_loops_or_grows_in_time(source):
    started = time.perf_counter()
    with pytest.raises(LimitReached, match="too much"):
        evaluate(source, {"steps": {"many": list(range(10_000))}})
    assert time.perf_counter() - started < 20


def test_or_does_not_hide_an_exhausted_budget():
    with pytest.raises(LimitReached):
        evaluate("steps.many.all(a, steps.many.all(b, b >= 0)) || true", {"steps": {"many": list(range(10_000))}})


def test_a_loop_over_fifty_thousand_items_is_allowed():
    many = [{"n": n} for n in range(50_000)]
    assert evaluate("params.many.map(i, i.n)", {"params": {"many": many}}) == list(range(50_000))


def test_a_failure_says_that_trying_again_does_not_help():
    with pytest.raises(Failure) as refused:
        evaluate("params.missing", CONTEXT)
    assert (refused.value.kind, refused.value.retryable) == ("expression", False)
    assert refused.value.context == {"expression": "params.missing", "position": 6}


def test_a_path_gives_the_very_value_without_copying():
    assert evaluate("steps.fetch.output", CONTEXT) is CONTEXT["steps"]["fetch"]["output"]


def test_evaluation_leaves_the_context_alone():
    context = {"params": {"items": [1, 2]}}
    evaluate("cel.bind(items, params.items, items + [3]).map(x, x + 1)", context)
    assert context == {"params": {"items": [1, 2]}}


def test_only_declared_names_compile():
    assert compile("item + index", frozenset({"item", "index"})).evaluate({"item": 1, "index": 2}) == 3
    with pytest.raises(ExpressionError, match="item is not known here"):
        compile("item + index", frozenset({"index"}))


def test_compiling_twice_gives_the_same_program():
    names = frozenset({"params"})
    assert compile("params.days", names) is compile("params.days", names)


def test_threads_share_a_program():
    program = compile("params.items.map(x, x + params.n)", frozenset({"params"}))
    wrong: list[object] = []

    def work(n: int) -> None:
        for _ in range(200):
            found = program.evaluate({"params": {"items": [1, 2, 3], "n": n}})
            if found != [1 + n, 2 + n, 3 + n]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("source", ["run.environment == 'production'", "${{ run.environment == 'production' }}"])
def test_a_condition_is_bare_or_wrapped(source):
    assert condition(source, CONTEXT) is True


@pytest.mark.parametrize("source", ["params.days", "'true'", "null"])
def test_a_condition_must_be_true_or_false(source):
    with pytest.raises(ExpressionError, match="must give true or false"):
        condition(source, CONTEXT)


def test_a_condition_with_text_around_it_is_refused():
    with pytest.raises(ExpressionError, match="without text around"):
        condition("not ${{ params.on }}", CONTEXT)


def test_a_moment_in_the_result_is_utc_text():
    found = evaluate("timestamp('2026-06-01T12:00:00.250+02:00')", {})
    assert datetime.fromisoformat(found) == datetime(2026, 6, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert found.endswith("Z")


def test_names_used_tells_roots_steps_and_fields():
    used = names_used("steps.a.output.x + steps['b-c'].status + params.?n.orValue(1) + [1].map(item, item)[0]")
    assert used.roots == {"steps", "params"}
    assert used.steps == {"a", "b-c"}
    assert used.members["params"] == {"n"}
    assert used.fields["a"] == {"output"}
    assert used.whole == frozenset()


def test_names_used_reports_a_root_read_without_a_fixed_key():
    used = names_used("steps[params.which].output")
    assert used.whole == {"steps"}
    assert used.steps == frozenset()


def test_names_used_knows_a_loop_variable_only_inside_its_loop():
    assert names_used("[1].map(item, item) == [item]").roots == {"item"}


def test_names_used_refuses_what_does_not_parse():
    with pytest.raises(ExpressionError):
        names_used("steps.")
