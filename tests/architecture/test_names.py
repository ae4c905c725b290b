"""Files, tasks, events and migrations are named so that one search finds them."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from celery import current_app

from controlplane.embedded.folders import REPOSITORY
from controlplane.portal import registry
from runs.models import RUN_FINAL, StepState
from tests.architecture.sources import calls, product_modules, text_of, texts, tracked, tree_of

VAGUE = {"utils", "util", "helpers", "helper", "services", "service", "signals", "mixins", "mixin", "constants"}
VAGUE |= {"common", "misc", "manager", "managers", "base", "core"}
# Calls that write an event; its name is their first argument, or `type`.
RECORDS = {"record", "emit", "settle"}
# Names that the engine makes of the state that a run or step came to.
FAMILIES = {"run.": {str(state) for state in RUN_FINAL}, "step.": {str(state) for state in StepState}}
EVENT_FILES = [path for path in product_modules() if path.name == "events.py"]


def declared() -> dict[str, str]:
    """Event name -> the constant that holds it."""
    found = {}
    for path in EVENT_FILES:
        module = import_module(".".join(path.with_suffix("").parts))
        found |= {value: name for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
    return found


def enqueued() -> list[tuple[Path, str]]:
    found = []
    for path in product_modules():
        for name, call in calls(path):
            if name in {"enqueue", "send_task"} and call.args:
                found += [(path, text) for text in texts(call.args[0]) if ".tasks." in text]
    return found


@pytest.mark.parametrize("path", product_modules(), ids=str)
def test_no_file_has_a_name_that_says_nothing(path):
    assert path.stem not in VAGUE
    assert path.parent.name not in VAGUE


@pytest.mark.parametrize("path", [path for path in tracked() if "migrations" in path.parts], ids=str)
def test_a_migration_says_what_it_is_for(path):
    assert not re.search(r"_auto_|_initial|_alter_\w+_and_more|^\d+_\w+_(alter|add|remove)_field", path.stem)
    assert path.stem == "__init__" or re.match(r"\d{4}_[a-z0-9]+(_[a-z0-9]+)+$", path.stem)


def test_every_bell_is_answered_by_a_task():
    current_app.loader.import_default_modules()
    rung = enqueued()
    assert len(rung) >= 4
    for path, name in rung:
        assert name in current_app.tasks or name == "runs.tasks.", f"{path} sends {name}"


def test_task_names_made_of_parts_are_tasks_too():
    """`enqueue(f"runs.tasks.{task}")`: every text that could be the part."""
    current_app.loader.import_default_modules()
    known = {name.removeprefix("runs.tasks.") for name in current_app.tasks if name.startswith("runs.tasks.")}
    for path in sorted({path for path, name in enqueued() if name == "runs.tasks."}):
        chosen = [node.value for node in ast.walk(tree_of(path)) if is_assignment_to(node, "task")]
        parts = {text for value in chosen for text in texts(value) if text.isidentifier()}
        assert parts & known, f"{path} does not say which tasks it means"


def is_assignment_to(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets)


def test_every_event_that_is_recorded_is_declared():
    known = declared()
    for path in product_modules():
        for name, call in calls(path):
            if name not in RECORDS:
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "type")]
            for text in [text for one in given for text in texts(one) if re.fullmatch(r"[a-z]+\.[a-z_]*", text)]:
                assert text in known or text in FAMILIES, f"{path} records {text}, which no events.py declares"


def test_the_names_that_the_engine_makes_of_states_are_declared():
    known = declared()
    made = {f"run.{state}" for state in FAMILIES["run."]}
    settled = StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED, StepState.NEEDS_REVIEW
    made |= {f"step.{state}" for state in (*settled, StepState.WAITING, StepState.RETRYING)}
    assert made <= set(known)


def test_every_event_that_is_declared_is_recorded():
    elsewhere = [path for path in product_modules() if path not in EVENT_FILES]
    source = "\n".join(text_of(path) for path in elsewhere)
    families = {f"{family}{state}" for family, states in FAMILIES.items() for state in states}
    for event, constant in declared().items():
        # By its constant, or within a statement that writes the event where it changes the row.
        recorded = re.search(rf"\bevents\.{constant}\b|'{re.escape(event)}'", source)
        assert event in families or recorded, f"nothing records {event}"


def test_words_for_events_are_of_events_that_exist():
    assert set(registry.words) <= set(declared())


def test_every_event_is_told_with_an_icon_that_exists():
    from controlplane.events.feed.wording import line_of
    from controlplane.events.models import Event

    icons = json.loads((REPOSITORY / "static/icons.json").read_text())
    told = [
        line_of(Event(type=type, subject_kind=type.split(".")[0], actor="bob", data={}), "acme") for type in declared()
    ]
    assert [line.event.type for line in told if line.icon not in icons] == []
