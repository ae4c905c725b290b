"""The graph of steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.specification.graph import dependents, edges, find_cycle, layout, topological, upstream


@dataclass(frozen=True)
class Node:
    key: str
    needs: tuple[str, ...] = ()


DIAMOND = [Node("a"), Node("b", ("a",)), Node("c", ("a",)), Node("d", ("b", "c"))]
NUMBERS = st.integers(1, 25)


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Any graph without cycles, its steps in any order."""
    nodes = [Node("s0")]
    for one in range(1, draw(NUMBERS)):
        needs = draw(st.sets(st.integers(0, one - 1), max_size=4))
        nodes.append(Node(f"s{one}", tuple(f"s{need}" for need in needs)))
    return draw(st.permutations(nodes))


@given(graphs())
def test_topological_puts_every_step_after_what_it_needs(steps):
    order = topological(steps)
    assert sorted(order) == sorted(step.key for step in steps)
    assert all(order.index(need) < order.index(step.key) for step in steps for need in step.needs)


@given(graphs())
def test_a_graph_without_a_cycle_has_none(steps):
    assert find_cycle(edges(steps)) == []


@given(graphs(), st.data())
def test_any_cycle_is_found_and_is_one(steps, data):
    ring = data.draw(st.lists(st.sampled_from([step.key for step in steps]), min_size=1, unique=True))
    needs = {step.key: set(step.needs) for step in steps}
    for one, following in zip(ring, [*ring[1:], ring[0]], strict=True):
        needs[one].add(following)
    found = find_cycle(needs)
    assert found[0] == found[-1]
    assert len(found) == len(set(found)) + 1
    assert all(following in needs[one] for one, following in pairwise(found))


@given(graphs())
def test_dependents_turn_needs_around(steps):
    needing = dependents(steps)
    assert {(need, step.key) for step in steps for need in step.needs} == {
        (need, key) for need, keys in needing.items() for key in keys
    }


@given(graphs())
def test_upstream_is_everything_reached_through_needs(steps):
    needs = edges(steps)
    for key in needs:
        above = upstream(key, needs)
        assert above == set(needs[key]).union(*(upstream(need, needs) for need in needs[key]))


@given(graphs())
def test_layout_stands_right_of_needs_and_never_on_another(steps):
    places = layout(steps)
    assert len(set(places.values())) == len(steps)
    assert all(places[need][0] < places[step.key][0] for step in steps for need in step.needs)


def test_a_diamond_is_drawn_in_three_columns():
    assert layout(DIAMOND) == {"a": (0, 0), "b": (1, 0), "c": (1, 1), "d": (2, 0)}


def test_ties_keep_the_order_of_the_specification():
    assert topological([Node("z"), Node("a"), Node("m", ("z",))]) == ["z", "a", "m"]


def test_a_specification_in_working_order_keeps_it():
    """A branch is read to its end before the next begins, which an order by levels would not do."""
    steps = [Node("a"), Node("b", ("a",)), Node("c"), Node("d", ("c",))]
    assert topological(steps) == ["a", "b", "c", "d"]


def test_a_cycle_begins_at_the_step_that_stands_first_and_reads_as_needs():
    steps = [Node("x"), Node("a", ("x", "b")), Node("b", ("c",)), Node("c", ("a",))]
    assert find_cycle(edges(steps)) == ["a", "b", "c", "a"]
    assert find_cycle({"a": ["gone", "a"]}) == ["a", "a"]


def test_topological_names_the_cycle():
    with pytest.raises(ValueError, match="a → b → a"):
        topological([Node("a", ("b",)), Node("b", ("a",))])


def test_a_chain_of_five_hundred_steps_is_no_problem():
    chain = [Node("s0"), *(Node(f"s{one}", (f"s{one - 1}",)) for one in range(1, 500))][::-1]
    assert topological(chain)[0] == "s0"
    assert layout(chain)["s499"] == (499, 0)
    assert len(upstream("s499", edges(chain))) == 499
