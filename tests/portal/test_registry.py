"""What apps declare is whole, loadable, their own, and there once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from django.urls import reverse

from controlplane.portal import registry
from controlplane.portal.descriptor import Look, Portal, Sweep
from controlplane.portal.sweeping import Timetable, sweep

SORTS_OF_PATHS = ("lists", "operations", "streams", "dependents", "metrics")


def paths() -> Iterator[tuple[str, str]]:
    """(path, the app that declared it)."""
    for name in SORTS_OF_PATHS:
        sort = registry.SORTS[name]
        yield from ((path, sort.owners[one]) for one, path in sort.items())
    yield from ((part.work, registry.sweeps.owners[name]) for name, part in registry.sweeps.items())
    yield from ((one.find, registry.subjects.owners[kind]) for kind, one in registry.subjects.items() if one.find)


def test_every_field_of_a_portal_is_gathered():
    assert {field.name for field in fields(Portal)} == set(registry.SORTS)


@pytest.mark.parametrize(("path", "owner"), list(paths()))
def test_what_an_app_declares_is_its_own_and_there(path, owner):
    assert path.startswith(f"{owner}.")
    assert registry.load(path)


@pytest.mark.parametrize("view", [*registry.navigation, *registry.beginnings])
def test_pages_that_are_offered_exist(view):
    assert reverse(view, args=["acme"])


@pytest.mark.parametrize("kind", [kind for kind, subject in registry.subjects.items() if subject.page])
def test_pages_of_subjects_exist(kind):
    assert reverse(registry.subjects[kind].page, kwargs={"project": "acme", "pk": 1})


def test_a_second_declaration_is_refused_and_says_whose_it_is():
    sort = registry.Declared[Look]("looks")
    sort.add("red", Look("Red", "danger", "error"), "roses")
    with pytest.raises(registry.DeclaredTwice, match=r"violets and roses both declare 'red' in looks"):
        sort.add("red", Look("Blue", "info", "info"), "violets")


def test_a_part_with_a_pace_of_its_own_is_not_due_with_every_pass():
    timetable = Timetable()
    first, second = ({part.name for part in timetable.due()} for _ in range(2))
    assert first == set(registry.sweeps)
    assert first - second == {name for name, part in registry.sweeps.items() if part.seconds > 1} != set()


def test_a_part_that_breaks_leaves_the_others():
    broken, whole = Sweep("broken", f"{__name__}.breaks"), Sweep("whole", f"{__name__}.touches_two")
    assert sweep([broken, whole]) == {"broken": 0, "whole": 2}


def breaks() -> int:
    raise ValueError


def touches_two() -> int:
    return 2
