"""What holds for every kind of step, and that all that is known of kinds stands in one place."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import pytest

from controlplane.domain.json_schema import schema_faults
from controlplane.embedded.folders import REPOSITORY
from runs.executors.query import max_rows_of
from tests.architecture.sources import product_modules, texts, tree_of
from workflows import kinds
from workflows.kinds import KINDS, gather, reference_of
from workflows.management.commands.document_kinds import GUIDE, documented
from workflows.specification.language import Document, StaticCatalogue, parse, validate
from workflows.specification.outline import steps_of

EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
HOMES = ("workflows/kinds", "runs/executors")
# Kinds that have no namesake among tools, agents and workflows, which other tables may name.
OWN_WORDS = set(KINDS) - {kind.target.noun for kind in KINDS.values() if kind.target}


def example_of(kind: kinds.StepKind) -> Document:
    return parse(f"steps:\n  - {kind.example}\n")


@EACH
def test_its_example_is_accepted_where_what_it_names_exists(kind):
    document = example_of(kind)
    step = document["steps"][0]
    reference = reference_of(step["uses"], step.get("with"))
    assert step["uses"].partition(":")[0] == kind.name
    assert bool(reference) == bool(kind.target)
    catalogue = StaticCatalogue({reference[0]: {reference[1]: {}}} if reference else {})
    if not kind.unavailable:
        assert validate(document, catalogue=catalogue).steps[0].kind == kind.name


@EACH
def test_its_schema_is_one_and_it_is_told_in_words_with_an_icon(kind):
    assert schema_faults(kind.schema) == []
    assert kind.icon in json.loads((REPOSITORY / "static/icons.json").read_text())
    assert kind.label
    assert kind.does.endswith(".")
    assert steps_of(example_of(kind))[0].icon == kind.icon


def test_no_two_kinds_are_called_the_same():
    assert len({kind.label for kind in KINDS.values()}) == len(KINDS)


def test_the_guide_tells_of_the_kinds_as_they_are():
    guide = GUIDE.read_text()
    assert documented(guide) == guide, "run make docs"


def test_a_module_declares_the_kind_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "misnamed.py").write_text("from workflows.kinds.noop import KIND\n")
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"misnamed\.py declares 'noop'"):
        gather([str(tmp_path)])


def tables() -> Iterator[tuple[str, set[str]]]:
    """Where, outside of the kinds' own folders, a literal holds several names of kinds."""
    for path in product_modules():
        if not path.as_posix().startswith(HOMES):
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.Dict | ast.Tuple | ast.List | ast.Set):
                    parts = node.keys if isinstance(node, ast.Dict) else node.elts
                    named = OWN_WORDS & {text for part in parts if part is not None for text in texts(part)}
                    if len(named) > 1:
                        yield f"{path}:{node.lineno}", named


def test_kinds_are_listed_nowhere_else():
    """Ask `workflows.kinds.KINDS`, so that a new kind stays one file and its executor."""
    assert {"query", "noop"} <= OWN_WORDS
    assert list(tables()) == []


def test_a_whole_number_of_rows_may_come_as_a_decimal_number():
    """JSON Schema takes 10.0 for an integer, and so does whoever checks by it."""
    assert max_rows_of({"max_rows": 10.0}) == 10
