"""The arithmetic of calls a minute, at the edges of clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from agents.calls.limits import TooManyCalls, refuse_beyond, take_turn, use_of
from agents.models import Slot, Tool
from tests.agents.catalogue import make_tool

pytestmark = pytest.mark.django_db


@pytest.fixture
def tool(world) -> Tool:
    """Two at once, then one a minute."""
    return make_tool(world, calls_per_minute=1, burst=2)


def key(tool: Tool) -> str:
    return f"tool:{tool.pk}"


def test_a_burst_goes_at_once_and_the_next_one_waits_its_share_of_the_minute(tool):
    assert [take_turn(key(tool)), take_turn(key(tool))] == [None, None]
    wait = take_turn(key(tool))
    assert wait is not None
    assert 50 < wait <= 60


def test_the_bucket_never_holds_more_than_a_burst(tool):
    Slot.objects.update(tokens=0, refilled_at=Now() - timedelta(days=400))
    assert use_of(key(tool)).available == 2


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_was_set_back_stops_nobody(tool, back):
    Slot.objects.update(tokens=0, refilled_at=Now() + back)
    assert take_turn(key(tool)) is None
    assert Slot.objects.filter(refilled_at__lte=Now(), tokens__lte=F("burst")).exists()


def test_who_is_refused_is_told_whole_seconds(tool):
    Slot.objects.update(tokens=0, refilled_at=Now())
    with pytest.raises(TooManyCalls, match=r"Try again in \d\d s\.") as refused:
        refuse_beyond(tool)
    assert isinstance(refused.value.wait, int)


def test_the_answer_of_a_test_call_says_when_to_ask_again(world, tool):
    Slot.objects.update(tokens=0, refilled_at=Now())
    answer = world.api("bob").post(f"/api/v1/tools/{tool.pk}/test", {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(answer.json()["retry_after"]))
