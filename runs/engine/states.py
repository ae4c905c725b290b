"""Groups of states, each written once, and as lists of SQL for `IN`."""

from __future__ import annotations

from collections.abc import Iterable

from runs.models import PEOPLE, STEP_CLAIMABLE, STEP_TIMED, StepState, WaitsFor

# What works or is in line for it; what a run that has ended has none of; what one that has not counts as open.
STEP_MOVING = [*STEP_CLAIMABLE, StepState.RUNNING]
STEP_LIVE = [*STEP_TIMED, StepState.RUNNING]
STEP_OPEN = [StepState.PENDING, *STEP_LIVE, StepState.NEEDS_REVIEW]
# A wait that nobody here needs to end.
COMES_BY_ITSELF = (WaitsFor.TIME, WaitsFor.SIGNAL, WaitsFor.RECORDS)


def in_list(words: Iterable[str]) -> str:
    """('queued', 'running')"""
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


CLAIMABLE = in_list(STEP_CLAIMABLE)
TIMED = in_list(STEP_TIMED)
MOVING = in_list(STEP_MOVING)
LIVE = in_list(STEP_LIVE)
OPEN = in_list(STEP_OPEN)
BY_PEOPLE = in_list(PEOPLE)
BY_ITSELF = in_list(COMES_BY_ITSELF)
