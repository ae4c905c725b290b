"""Any graph, any failures, any crashes: the end is what a small oracle says, and every invariant holds."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.portal.sweeping import sweep
from runs.engine.work import work
from runs.models import Run
from tests.runs.driving import broken_invariants, drain, due_steps, events, fails, start, states, step, take

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = "abcdefgh"


@dataclass(frozen=True)
class Node:
    """One step as drawn: what it needs, whether it fails, whether its condition is false."""

    key: str
    needs: tuple[str, ...]
    breaks: bool
    tolerated: bool
    always: bool
    off: bool
    items: int | None

    @property
    def document(self) -> dict:
        more: dict = {"needs": " ".join(self.needs)}
        if self.tolerated:
            more["on_error"] = "continue"
        if self.always:
            more["run_if"] = "always"
        if self.off:
            more["when"] = "false"
        if self.items is not None:
            more |= {"foreach": list(range(self.items)), "max_parallel": 2}
        return fails(self.key, **more) if self.breaks else step(self.key, **more)


@st.composite
def graphs(draw) -> list[Node]:
    nodes: list[Node] = []
    for key in KEYS[: draw(st.integers(1, len(KEYS)))]:
        earlier = [node.key for node in nodes]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        rarely = st.sampled_from([False, False, True])
        items = draw(st.sampled_from([None, None, None, 0, 3]))
        nodes.append(Node(key, tuple(needs), *(draw(rarely) for _ in range(4)), items))
    return nodes


def oracle(nodes: list[Node]) -> tuple[str, dict[str, str]]:
    """The run's end and each step's, from the specification's words alone."""
    ends: dict[str, str] = {}
    by_key = {node.key: node for node in nodes}
    for node in nodes:
        met = all(
            ends[need] == "succeeded" or (ends[need] == "failed" and by_key[need].tolerated) for need in node.needs
        )
        if node.off or not (met or node.always):
            ends[node.key] = "skipped"
        else:
            ends[node.key] = "failed" if node.breaks and node.items != 0 else "succeeded"
    failed = [node for node in nodes if ends[node.key] == "failed"]
    if any(not node.tolerated for node in failed):
        return "failed", ends
    return ("partially_succeeded" if failed else "succeeded"), ends


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(nodes=graphs(), seed=st.integers(0, 2**16))
def test_every_graph_ends_as_the_oracle_says(world, nodes, seed):
    run = start(world, *[node.document for node in nodes])
    in_any_order(run, random.Random(seed))
    assert (run.state, states(run)) == oracle(nodes)
    assert [event.seq for event in events(run)] == list(range(1, run.last_seq + 1))
    assert broken_invariants() == {}


def in_any_order(run: Run, dice: random.Random) -> None:
    """Do what is due in random order; now and then a worker dies with a step in its hands."""
    while due := due_steps(run):
        pk = dice.choice(due)
        if dice.random() < 0.15:
            row = run.steps.get(pk=pk)
            if row.losses == 0:
                take(run, row.key, row.index)
                run.steps.filter(pk=pk).update(lease_until="2020-01-01T00:00Z")
                sweep()
                continue
        work(pk)
    drain(run)
