"""Statements on what belongs to a run name the run, so that its rows may be kept in ranges of `run_id` one day."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module

import pytest
import sqlglot
from sqlglot import exp

from runs.engine.states import STEP_OPEN
from tests.architecture.sources import product_modules, text_of, texts, tree_of

CHILDREN = {"runs_steprun", "runs_attempt", "runs_logchunk", "runs_artifact", "runs_call"}
OF_ALL_RUNS = "runs.engine.invariants"
# What by its nature looks over the runs of everybody, by an index of its own that each part of the table would have.
# These only find: what they change, they change by run and id.
EXCEPTIONS = {
    "runs.engine.claim.RUN_OF": "a bell of an earlier version, or a test, that knows only the step",
    "runs.engine.leases.VOID_EARLIER_LIFE": "what a worker held when it died, by its name",
    "runs.engine.pull.WAITING": "what no message brought to anybody, by when it was due",
    "runs.engine.scaling.SCALED": "how many wait for an agent, by its slot",
    "runs.engine.scaling.WAKE": "who waits for an agent, by its slot",
    "runs.engine.slots.NEXT_IN_LINE": "who waited longest for a slot",
    "runs.engine.slots.POSTPONE": "how many wait before it for the same slot",
    "runs.engine.slots.RECOUNT": "what really runs, by slot",
    "runs.engine.sweep.DUE_TIMERS": "whose time has come",
    "runs.engine.sweep.LOST": "whose lease is over",
    "runs.engine.sweep.RING_AGAIN": "whose bell was lost",
    "runs.engine.taking.TAKE_DUE": "which of a queue are due",
    "runs.engine.taking.TAKE_FREE": "which of a queue are due",
    "runs.figures.live.QUEUED_EVERYWHERE": "one figure of the whole installation",
    "runs.figures.series.CALLS": "calls of a tool, an agent or an instance, by when they ended",
    "runs.figures.series.FAILURES": "calls of a tool, an agent or an instance, by when they ended",
    "runs.figures.series.GROUPED": "calls of a tool, an agent or an instance, by when they ended",
}


def names_a_child(text: str) -> bool:
    return any(table in text for table in CHILDREN)


def found_in(value: object) -> Iterator[str]:
    if isinstance(value, str) and names_a_child(value):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from found_in(one)


def statements() -> list[tuple[str, str]]:
    """(module.NAME, SQL) of every statement that names a child of runs."""
    found = []
    for path in product_modules():
        name = ".".join(path.with_suffix("").parts)
        if name == OF_ALL_RUNS or not names_a_child(path.read_text()):
            continue
        module = import_module(name)
        assigned = [node.targets for node in tree_of(path).body if isinstance(node, ast.Assign)]
        names = [target.id for targets in assigned for target in targets if isinstance(target, ast.Name)]
        found += [(f"{name}.{each}", sql) for each in names for sql in found_in(getattr(module, each))]
    return found


STATEMENTS = statements()


def parsed(sql: str) -> exp.Expression:
    plain = re.sub(r"%\((\w+)\)s", r":\1", sql).replace("%%", "%").replace("{", "").replace("}", "")
    return sqlglot.parse_one(re.sub(r"\bSELECT\s+FROM\b", "SELECT 1 FROM", plain), dialect="postgres")


def scope_of(node: exp.Expression) -> exp.Expression:
    scope = node.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert)
    assert scope is not None
    return scope


def unbound(sql: str) -> list[exp.Expression]:
    """The parts of a statement that touch a child of runs without saying of which run."""
    tables = [table for table in parsed(sql).find_all(exp.Table) if table.name in CHILDREN]
    return [scope_of(table) for table in tables if not says_its_run(table)]


def says_its_run(table: exp.Table) -> bool:
    """Whether each row of it must have a `run_id` that is given, or that of a row of another table."""
    scope = scope_of(table)
    if isinstance(scope, exp.Insert) and scope.this.this is table:
        return "run_id" in [column.name for column in scope.this.expressions]
    tables = [one for one in scope.find_all(exp.Table) if scope_of(one) is scope and one.name in CHILDREN]
    own = {table.alias_or_name} if len(tables) > 1 else {table.alias_or_name, ""}
    return any(
        column.name == "run_id" and column.table in own and scope_of(column) is scope
        for comparison in required(scope)
        for column in comparison.find_all(exp.Column)
    )


def required(scope: exp.Expression) -> Iterator[exp.Expression]:
    """Comparisons for equality that hold for every row, whatever else is true."""
    joins = [join for join in scope.find_all(exp.Join) if scope_of(join) is scope]
    where = scope.args.get("where")
    conditions = [where.this] if where else []
    for condition in conditions + [join.args["on"] for join in joins if join.args.get("on")]:
        whole = condition.unnest()
        for part in whole.flatten() if isinstance(whole, exp.And) else [whole]:
            if isinstance(part, exp.EQ | exp.In):
                yield part


@pytest.mark.parametrize(("name", "sql"), [(name, sql) for name, sql in STATEMENTS if name not in EXCEPTIONS])
def test_a_statement_says_of_which_run(name, sql):
    assert [part.sql("postgres") for part in unbound(sql)] == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_looks_over_all_runs_and_changes_nothing_there(name):
    parts = [part for each, sql in STATEMENTS if each == name for part in unbound(sql)]
    assert parts, "it says of which run, and needs no exception"
    assert {type(part) for part in parts} == {exp.Select}


def test_statements_stand_at_the_top_of_their_module():
    """Where the rule above sees them."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [(path, node) for path in product_modules() for node in ast.walk(tree_of(path))]
    bodies = [(path, node) for path, node in nodes if isinstance(node, functions)]
    assert [f"{path}:{node.name}" for path, node in bodies if any(map(names_a_child, texts(node)))] == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM runs_steprun WHERE id = %(id)s",
        "SELECT id FROM runs_steprun WHERE run_id = %(run)s OR id = %(id)s",
        "UPDATE runs_steprun SET run_id = %(run)s WHERE id = %(id)s",
        "UPDATE runs_steprun SET held = true FROM asked WHERE runs_steprun.id = asked.id AND asked.run_id = %(run)s",
        "SELECT 1 FROM runs_steprun step JOIN runs_attempt tried ON tried.step_id = step.id WHERE step.run_id = 1",
        "INSERT INTO runs_attempt (step_id, number) SELECT id, 1 FROM runs_steprun WHERE run_id = %(run)s",
        "DELETE FROM runs_logchunk WHERE step_id IN (SELECT id FROM runs_steprun WHERE run_id = %(run)s)",
    ],
)
def test_the_rule_finds_what_breaks_it(sql):
    assert len(unbound(sql)) == 1


def test_no_statement_lists_live_states_by_hand():
    """A state that is added is added to its groups, in one place."""
    live = "|".join(STEP_OPEN)
    by_hand = re.compile(rf"IN \((?:'[a-z_]+', )*'(?:{live})'")
    paths = [path for path in product_modules() if path.parts[0] == "runs"]
    assert [str(path) for path in paths if by_hand.search(text_of(path))] == []
