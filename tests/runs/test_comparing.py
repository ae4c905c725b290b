"""Runs beside each other: what differs is found, what does not differ is not, and nobody sees another project's."""

from __future__ import annotations

import pytest

from controlplane.domain.errors import InvalidInput, NotFound
from runs.actions import start_run
from runs.compare.domain import compare_runs, ids_in
from runs.models import Run, StepRun
from tests.runs.driving import drain, fails, function_tool, start, step
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
PARAMS = {"type": "object", "properties": {"days": {"type": "integer", "default": 7}, "note": {"type": "string"}}}


def two_runs(world):
    """The same workflow with other inputs; the second step reads them."""
    doubling = step("b", "transform", needs="a", with_="${{ params.days * 2 }}")
    first = start(world, step("a"), doubling, step("c", needs="b"), params=PARAMS, inputs={"days": 7})
    drain(first)
    second = start_run(first.workflow, inputs={"days": 8, "note": "x"}, by=world.actor("bob"))
    return first, drain(second)


def compare(world, *runs, who="vera"):
    return compare_runs(",".join(str(run.pk) for run in runs), world.actor(who))


def test_inputs_that_differ_stand_beside_each_other(world):
    found = compare(world, *two_runs(world))
    assert {line.path: line.values for line in found.inputs} == {
        "days": [(True, 7), (True, 8)],
        "note": [(False, None), (True, "x")],
    }


def test_a_third_run_that_is_like_the_first_has_its_values(world):
    first, second = two_runs(world)
    third = drain(start_run(first.workflow, inputs={"days": 7}, by=world.actor("bob")))
    found = compare(world, first, second, third)
    assert {line.path: line.values[2] for line in found.inputs} == {"days": (True, 7), "note": (False, None)}


def test_the_first_divergence_is_the_first_step_that_went_another_way(world):
    found = compare(world, *two_runs(world))
    assert (found.divergence.step, found.divergence.run.pk) == ("b", found.others[0].pk)
    assert "output" in found.divergence.differs
    assert [line.key for line in found.steps if line.differs] == ["b"]


def test_runs_that_went_the_same_way_have_no_divergence_although_they_took_other_times(world):
    first, _ = two_runs(world)
    again = drain(start_run(first.workflow, inputs={"days": 7}, by=world.actor("bob")))
    lasted(first, seconds=2)
    lasted(again, seconds=5, cost="0.25")
    found = compare(world, first, again)
    assert found.divergence is None
    cell = found.steps[0].cells[1]
    assert (cell.duration_delta_ms, float(cell.cost_delta_usd)) == (3000, 0.25)


def lasted(run, *, seconds: int, cost: str = "0"):
    """As if its first step had taken so long and cost so much."""
    times = {"started_at": "2026-01-01T00:00:00Z", "ended_at": f"2026-01-01T00:00:0{seconds}Z"}
    StepRun.objects.filter(run=run, key="a").update(cost_usd=cost, **times)
    Run.objects.filter(pk=run.pk).update(cost_usd=cost)


def test_steps_of_other_definitions_are_aligned_by_their_key(world):
    first = drain(start(world, step("a"), step("b", needs="a")))
    second = drain(start(world, step("a"), step("x", needs="a"), fails("b", needs="x")))
    found = compare(world, first, second)
    assert [line.key for line in found.steps] == ["a", "b", "x"]
    assert [cell.step is None for cell in found.steps[2].cells] == [True, False]
    [(run, changes)] = found.definitions
    assert run == second
    assert {change.path for change in changes} >= {"steps[x]", "steps[b].uses"}


def test_large_outputs_are_compared_by_their_digest(world):
    function_tool(world, "large", "test-large", idempotent=True)
    runs = [drain(start(world, step("a", "tool:large", with_={"bytes": size}))) for size in (600_000, 600_000, 600_001)]
    assert "output" not in compare(world, runs[0], runs[1]).steps[0].cells[1].differs
    assert "output" in compare(world, runs[0], runs[2]).steps[0].cells[1].differs


@pytest.mark.parametrize("text", ["", "1", "1,1", "1,2,3,4,5", "1,b", "1,-2", "1;2", "01,1"])
def test_anything_but_two_to_four_ids_is_refused(text):
    with pytest.raises(InvalidInput):
        ids_in(text)


def test_a_run_of_another_project_is_as_if_it_were_not_there(world):
    mine = make_run(make_workflow(world.acme))
    theirs = make_run(make_workflow(world.globex))
    with pytest.raises(NotFound):
        compare(world, mine, theirs)


def test_the_page_shows_what_the_api_says(world):
    first, second = two_runs(world)
    said = world.api("vera").get("/api/v1/runs/compare", {"ids": f"{first.pk},{second.pk}"}).json()
    assert said["first_divergence"]["step"] == "b"
    assert said["inputs"][0]["values"][1] == {"run": second.pk, "present": True, "value": 8}
    assert said["definitions"] == [{"run": second.pk, "changes": []}]
    assert [cell["status"] for cell in said["steps"][1]["runs"]] == ["succeeded", "succeeded"]
    html = world.client("vera").get(f"/p/acme/runs/compare?ids={first.pk},{second.pk}").content.decode()
    for text in ("First divergence", "days", "what it answered", f"Run {second.pk}"):
        assert text in html


@pytest.mark.parametrize(("query", "status"), [("", 200), ("?ids=1", 400), ("?ids=1,999999", 404), ("?ids=%00,2", 400)])
def test_the_page_asks_again_when_it_was_given_nothing_it_can_compare(world, query, status):
    assert world.client("vera").get(f"/p/acme/runs/compare{query}").status_code == status


def test_the_number_of_queries_does_not_depend_on_the_runs(world, django_assert_max_num_queries):
    first, second = two_runs(world)
    third = drain(start_run(first.workflow, inputs={"days": 9}, by=world.actor("bob")))
    client = world.client("vera")
    for runs in ([first, second], [first, second, third]):
        with django_assert_max_num_queries(9):
            client.get(f"/p/acme/runs/compare?ids={','.join(str(run.pk) for run in runs)}")


def test_a_failed_run_leads_to_the_last_success_before_it(world):
    flow = make_workflow(world.acme)
    older, newer = make_run(flow), make_run(flow)
    failed = make_run(flow, "failed")
    make_run(flow)
    html = world.client("vera").get(f"/p/acme/runs/{failed.pk}/").content.decode()
    assert f"/p/acme/runs/compare?ids={newer.pk},{failed.pk}" in html
    assert "Compare with the last success" not in world.client("vera").get(f"/p/acme/runs/{older.pk}/").content.decode()
