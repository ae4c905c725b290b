"""A kind of step is two files: one that comes from elsewhere is checked, offered, drawn and carried out."""

from __future__ import annotations

import sys

import pytest

from runs import executors
from tests.runs.driving import drain, output, start, states, step
from workflows import kinds
from workflows.kinds import KINDS, gather
from workflows.management.commands.document_kinds import part_about
from workflows.queries import check_text
from workflows.specification.outline import steps_of

pytestmark = pytest.mark.django_db
KIND = """
from controlplane.domain.json_schema import closed
from workflows.kinds.declaration import StepKind

KIND = StepKind(
    name="shout",
    label="Shout",
    icon="bell",
    does="Says a text in capitals.",
    takes="`text`",
    example="{key: loud, uses: shout, with: {text: hello}}",
    schema=closed({"text": {"type": "string"}}, "text"),
    pure=True,
)
"""
EXECUTOR = """
from runs.engine.outcome import Outcome


def execute(context):
    return Outcome("succeeded", output=context.request["text"].upper())
"""


@pytest.fixture
def shout(tmp_path, monkeypatch):
    for package, source in ((kinds, KIND), (executors, EXECUTOR)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / "shout.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setitem(KINDS, "shout", gather([str(tmp_path / kinds.__name__)])["shout"])
    yield
    for package in (kinds, executors):
        sys.modules.pop(f"{package.__name__}.shout", None)
        vars(package).pop("shout", None)


def test_it_runs(world, shout):
    run = drain(start(world, step("a", "shout", with_={"text": "${{ 'hel' + 'lo' }}"})))
    assert (states(run), output(run, "a")) == ({"a": "succeeded"}, "HELLO")


def test_mistakes_show_at_their_line(world, shout):
    text = "steps:\n  - key: a\n    uses: shout\n    with:\n      text: 3\n      texts: x\n"
    mistyped, unknown = check_text(text, project=world.acme).errors
    assert (mistyped.line, mistyped.message) == (5, "This must be text.")
    assert (unknown.line, unknown.message) == (6, "There is no 'texts' here. Did you mean text?")


def test_it_is_offered_drawn_and_documented(world, shout):
    assert steps_of({"steps": [step("a", "shout")]})[0].icon == "bell"
    assert "| `shout` | Says a text in capitals. | `text` |" in part_about(KINDS.values())
