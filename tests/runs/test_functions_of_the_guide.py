"""Every function of the guide, by the guide's own examples: through the workflow door and through the engine, in each
place where an expression may stand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from controlplane.domain.expressions.functions import FUNCTIONS
from controlplane.embedded.folders import REPOSITORY
from runs.actions import start_run
from runs.models import Run
from tests.runs.driving import drain, item_states, output, states, step
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
GUIDE = (REPOSITORY / "docs/specification.md").read_text().partition("### Functions\n")[2].partition("\n\nBytes")[0]
ROW = re.compile(r"\| `(?P<name>[\w.]+)` \| `(?P<source>.+)` \| `(?P<gives>.+)` \|")
# The macros expand to these; the rest are operators.
MACROS = {"math.@max": "math.greatest", "math.@min": "math.least"}


@dataclass(frozen=True)
class Example:
    key: str
    name: str
    source: str
    gives: Any

    @property
    def condition(self) -> str:
        return f"({self.source}) == {json.dumps(self.gives)}"


def examples() -> list[Example]:
    rows = [ROW.fullmatch(line) for line in GUIDE.strip().splitlines()[2:]]
    return [
        Example(f"f{number}", row["name"], row["source"], json.loads(row["gives"]))
        for number, row in enumerate(rows)
        if row is not None
    ]


EXAMPLES = examples()


def test_every_row_of_the_guide_is_an_example_and_every_function_has_one():
    assert len(EXAMPLES) == GUIDE.count("\n| `")
    assert [one for one in EXAMPLES if f"{one.name}(" not in one.source] == []
    callable_by_name = {MACROS.get(name, name) for name in FUNCTIONS if re.fullmatch(r"[\w.]+|math\.@\w+", name)}
    assert {name for name in callable_by_name if name.strip("_")} - {one.name for one in EXAMPLES} == set()


def released(api: Any, document: dict[str, Any]) -> Workflow:
    """The workflow as a script makes it: checked, saved and released over the API."""
    made = api.post("/api/v1/workflows", {"name": "functions", "specification": document}).json()
    checked = api.post(f"/api/v1/workflows/{made['id']}/validate", {"specification": document})
    assert checked.json()["errors"] == []
    assert api.post(f"/api/v1/workflows/{made['id']}/publish", {}).json()["state"] == "released"
    return Workflow.objects.get(pk=made["id"])


def ran(world: Any, document: dict[str, Any]) -> Run:
    run = drain(start_run(released(world.api("erin"), document), inputs={}, by=world.actor("bob")))
    assert run.state == "succeeded", run.error
    return run


def test_each_works_in_with_in_map_and_in_outputs(world):
    filled = {one.key: f"${{{{ {one.source} }}}}" for one in EXAMPLES}
    mapped = {one.key: f"${{{{ [0].map(turn, {one.source}) }}}}" for one in EXAMPLES}
    run = ran(
        world,
        {
            "steps": [step("plain", "transform", with_=filled), step("looped", "transform", with_=mapped)],
            "outputs": filled,
        },
    )
    wanted = {one.key: one.gives for one in EXAMPLES}
    assert output(run, "plain") == wanted
    assert output(run, "looped") == {key: [value] for key, value in wanted.items()}
    assert run.outputs == wanted


def test_each_works_in_when(world):
    run = ran(
        world,
        {
            "steps": [
                *(step(one.key, when=one.condition) for one in EXAMPLES),
                *(step(f"{one.key}_not", when=f"!({one.condition})") for one in EXAMPLES),
            ]
        },
    )
    asked = states(run)
    assert [one for one in EXAMPLES if asked[one.key] != "succeeded" or asked[f"{one.key}_not"] != "skipped"] == []


def test_each_works_in_foreach(world):
    steps = [step(one.key, "transform", foreach=f"${{{{ [{one.source}] }}}}", with_="${{ item }}") for one in EXAMPLES]
    run = ran(world, {"steps": steps})
    wrong = [
        one for one in EXAMPLES if output(run, one.key) != [one.gives] or item_states(run, one.key) != ["succeeded"]
    ]
    assert wrong == []


def test_a_function_that_does_not_exist_is_explained(world):
    document = {"steps": [step("a", "transform", with_="${{ math.cbrt(8) }}")]}
    made = world.api("erin").post("/api/v1/workflows", {"name": "wrong", "specification": document}).json()
    assert "math has abs, ceil" in made["draft"]["errors"][0]["message"]
