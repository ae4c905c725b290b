"""Differences between two specifications."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workflows.diff import Change, changes, side_by_side

LINES = st.lists(st.sampled_from(["steps:", "- a", "- b", "", "  key: x"]), max_size=12).map("\n".join)


def test_steps_are_matched_by_key_whatever_their_place():
    old = {"steps": [{"key": "a", "uses": "noop"}, {"key": "b", "uses": "wait", "with": {"seconds": 5}}]}
    new = {"steps": [{"key": "b", "uses": "wait", "with": {"seconds": 9}}, {"key": "c", "uses": "noop"}]}
    assert changes(old, new) == [
        Change("removed", "steps[a]", old={"key": "a", "uses": "noop"}),
        Change("changed", "steps[b].with.seconds", 5, 9),
        Change("added", "steps[c]", new={"key": "c", "uses": "noop"}),
    ]


def test_it_names_added_and_removed_keys_with_their_values():
    old = {"params": {"a": 1}, "steps": [{"key": "s", "when": "x"}]}
    new = {"outputs": {"o": 2}, "steps": [{"key": "s", "stage": "load"}]}
    assert changes(old, new) == [
        Change("removed", "params", old={"a": 1}),
        Change("removed", "steps[s].when", old="x"),
        Change("added", "steps[s].stage", new="load"),
        Change("added", "outputs", new={"o": 2}),
    ]


def test_a_list_of_plain_values_changes_as_one():
    old, new = ({"steps": [{"key": "s", "needs": needs}]} for needs in (["a", "b"], ["b"]))
    assert changes(old, new) == [Change("changed", "steps[s].needs", ["a", "b"], ["b"])]


def test_a_list_of_objects_is_compared_item_by_item():
    old, new = {"outputs": [{"a": 1}, {"b": 2}]}, {"outputs": [{"a": 1}, {"b": 3}, {"c": 4}]}
    assert changes(old, new) == [Change("changed", "outputs[1].b", 2, 3), Change("added", "outputs[2]", new={"c": 4})]


def test_true_is_not_one():
    assert changes({"a": True, "b": [1]}, {"a": 1, "b": [True]}) == [
        Change("changed", "a", True, 1),
        Change("changed", "b", [1], [True]),
    ]


def test_a_document_does_not_differ_from_itself():
    document = {"steps": [{"key": "s", "with": {"a": [{"b": None}]}}], "params": {}}
    assert changes(document, document) == []


def test_rows_stand_side_by_side():
    rows = side_by_side("a\nb\nc", "a\nB\nc\nd")
    assert [(row.kind, row.left_no, row.left, row.right_no, row.right) for row in rows] == [
        ("same", 1, "a", 1, "a"),
        ("changed", 2, "b", 2, "B"),
        ("same", 3, "c", 3, "c"),
        ("added", None, "", 4, "d"),
    ]


@given(LINES, LINES)
def test_each_side_can_be_read_off_the_rows(old, new):
    rows = side_by_side(old, new)
    assert [row.left for row in rows if row.left_no] == old.splitlines()
    assert [row.right for row in rows if row.right_no] == new.splitlines()
    assert all(row.left == row.right for row in rows if row.kind == "same")
    numbers = [row.left_no for row in rows if row.left_no]
    assert numbers == list(range(1, len(numbers) + 1))


def test_far_unchanged_lines_become_one_gap():
    old = [f"line {number}" for number in range(30)]
    rows = side_by_side("\n".join(old), "\n".join([*old[:15], "changed", *old[16:]]), context=2)
    assert [row.kind for row in rows] == ["gap", "same", "same", "changed", "same", "same", "gap"]
    assert rows[3].left_no == 16


def test_twenty_thousand_lines_are_compared_in_time():
    old = "\n".join(f"key: {number % 50}" for number in range(20_000))
    assert side_by_side(old, old + "\nmore")[-1].kind == "added"
