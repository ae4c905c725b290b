"""The steps of a run as a drawing: each box with its state, leading to its step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.portal.descriptor import Look
from controlplane.ui.states import look_of
from runs.models import Run, StepRun
from runs.replay.domain import INVALID, RERUN, REUSE, Replay
from workflows.specification.drawing import Box, Drawing, draw
from workflows.specification.outline import steps_of

REPLAYED = {
    REUSE: Look("Reused", "success", "history"),
    RERUN: Look("Runs again", "info", "retry"),
    INVALID: Look("Cannot be reused", "warning", "alert"),
}


@dataclass(frozen=True)
class Node:
    """A box with the state of its step; `url` is empty where there is nothing to open."""

    box: Box
    look: Look
    url: str = ""
    step_id: int | None = None
    current: bool = False

    @property
    def label(self) -> str:
        """What is read out for it, what is seen first: `fetch Succeeded, tool:list-issues`."""
        return f"{self.box.label} {self.look.label}, {self.box.step.uses}"


@dataclass(frozen=True)
class Graph:
    drawing: Drawing
    nodes: list[Node]


def graph_of_run(run: Run, url_of: Callable[[int], str], *, chosen: str = "") -> Graph | None:
    """The specification that ran, coloured by how its steps stand; None where one step makes no graph.

    `url_of` gives the address of a step's page by its id; `chosen` is the key of the step that is open.
    """
    drawing = draw(steps_of(run.document))
    if drawing is None or len(drawing.boxes) < 2:
        return None
    steps = {step.key: step for step in run.steps.filter(index=None).only("key", "state", "waits_for", "run_id")}
    return Graph(drawing, [node_of(box, steps.get(box.step.key), url_of, chosen) for box in drawing.boxes])


def graph_of_replay(replay: Replay) -> Graph | None:
    """The steps of the version that a replay would follow, coloured by what it would do with each."""
    document = replay.version.document if replay.version else replay.source.document
    drawing = draw(steps_of(document))
    if drawing is None:
        return None
    outcomes = {decision.key: decision.outcome for decision in replay.decisions}
    return Graph(drawing, [Node(box, REPLAYED[outcomes[box.step.key]]) for box in drawing.boxes])


def node_of(box: Box, step: StepRun | None, url_of: Callable[[int], str], chosen: str) -> Node:
    if step is None:
        return Node(box, look_of("pending"))
    return Node(box, look_of(step), url_of(step.pk), step.pk, step.key == chosen)
