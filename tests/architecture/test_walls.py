"""What meets a caller starts from what the caller may see, and nothing is taken for safe that was not made here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import calls, product_modules, text_of, tree_of

# Files that answer requests. What they call (actions, queries, forms) is given things that were found here.
FRONT = {"views.py", "page.py", "api.py", "listing.py", "entry.py", "filters.py"}
# `self.find()` and `find_visible()` add the wall to the rows they are given.
WALLED_FINDERS = {"find", "find_visible"}
# A row below something is as visible as that; whoever names it has found it through its own wall.
PARENTS = {"project", "run", "workflow"}
# (file, function): why its rows need no wall.
EXCEPTIONS = {
    ("runs/api.py", "detail_of"): "shows the run that an action just returned",
    ("workflows/api.py", "whole"): "reads the workflow again that was found a moment before",
}
FRONT_MODULES = [path for path in product_modules() if path.name in FRONT]
# Where text becomes HTML without escaping: each makes the markup itself and escapes what comes from outside.
MARKUP_MADE_IN = {
    "controlplane/listing/declaration/cells.py",
    "controlplane/listing/declaration/columns.py",
    "controlplane/listing/page/display.py",
    "controlplane/listing/page/parts.py",
}


def parents_of(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def querysets(path: Path) -> Iterator[tuple[ast.Attribute, list[ast.AST]]]:
    """Every `.objects` and `._default_manager` with what stands around it, the nearest first."""
    tree = tree_of(path)
    parents = parents_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "_base_manager"}:
            around: list[ast.AST] = []
            here: ast.AST = node
            while here in parents:
                here = parents[here]
                around.append(here)
            yield node, around


def chain_of(node: ast.AST, around: list[ast.AST]) -> tuple[list[ast.Call], ast.AST | None]:
    """The calls made on a queryset one after the other, and what the result is given to."""
    made: list[ast.Call] = []
    for outer in around:
        if isinstance(outer, ast.Attribute) and outer.value is node:
            node = outer
        elif isinstance(outer, ast.Call) and outer.func is node:
            made.append(outer)
            node = outer
        else:
            return made, outer
    return made, None


def name_of(call: ast.AST | None) -> str:
    called = getattr(call, "func", None)
    return getattr(called, "attr", getattr(called, "id", ""))


def is_walled(node: ast.Attribute, around: list[ast.AST]) -> bool:
    made, given_to = chain_of(node, around)
    names = {name_of(call) for call in made}
    narrowed = {keyword.arg for call in made if name_of(call) in {"filter", "get"} for keyword in call.keywords}
    return bool({"visible_to", "none"} & names or name_of(given_to) in WALLED_FINDERS or PARENTS & narrowed)


def function_around(around: list[ast.AST]) -> str:
    return next((one.name for one in around if isinstance(one, ast.FunctionDef)), "")


def unwalled() -> list[tuple[str, str]]:
    found = []
    for path in FRONT_MODULES:
        for node, around in querysets(path):
            if not is_walled(node, around):
                found.append((path.as_posix(), function_around(around)))
    return found


def test_there_is_a_front():
    assert Path("runs/views.py") in FRONT_MODULES
    assert sum(1 for path in FRONT_MODULES for _ in querysets(path)) > 20


def test_what_answers_requests_starts_from_what_the_caller_may_see():
    assert [place for place in unwalled() if place not in EXCEPTIONS] == []


def test_every_exception_is_still_needed():
    assert set(EXCEPTIONS) - set(unwalled()) == set()


@pytest.mark.parametrize("source", ["Run.objects.filter(pk=pk)", "Run.objects.all()", "x(Run.objects.order_by('pk'))"])
def test_the_rule_sees_rows_of_everybody(source):
    assert [is_walled(*found) for found in found_in(source)] == [False]


@pytest.mark.parametrize(
    "source",
    ["Run.objects.visible_to(me).filter(pk=pk)", "self.find(Run.objects.all(), pk=1)", "Step.objects.get(run=run)"],
)
def test_the_rule_sees_the_walls(source):
    assert [is_walled(*found) for found in found_in(source)] == [True]


def found_in(source: str) -> list[tuple[ast.Attribute, list[ast.AST]]]:
    tree = ast.parse(source)
    parents = parents_of(tree)
    found = [one for one in ast.walk(tree) if isinstance(one, ast.Attribute) and one.attr == "objects"]
    result = []
    for node in found:
        around, here = [], node
        while here in parents:
            here = parents[here]
            around.append(here)
        result.append((node, around))
    return result


@pytest.mark.parametrize("path", product_modules(), ids=str)
def test_markup_is_made_in_few_places(path):
    taken_for_safe = {"mark_safe", "SafeString", "SafeText", "html_safe"}
    made = taken_for_safe & {name for name, _ in calls(path)}
    assert not made or path.as_posix() in MARKUP_MADE_IN


@pytest.mark.parametrize("path", product_modules(), ids=str)
def test_nobody_waits_for_an_advisory_lock(path):
    """Whoever may read our database may take one, and hold up all who wait for it."""
    assert "pg_advisory" not in text_of(path)
