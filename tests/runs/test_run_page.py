"""The page of a run as it leaves the server: readable without a script, cheap to make."""

from __future__ import annotations

import re

import pytest

from runs.engine.logs import LogBuffer
from runs.forms import ReviewForm
from runs.models import StepRun
from tests.runs.driving import drain, fails, start, step, take

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(world, run, path: str = "", who: str = "vera") -> str:
    response = world.client(who).get(f"/p/acme/runs/{run.pk}/{path}")
    assert response.status_code == 200
    return response.content.decode()


def node(html: str, key: str) -> str:
    """The box of step `key` as its markup."""
    found = re.search(rf'<(a|g) class="step-graph__node[^>]*aria-label="{key} [^>]*>', html)
    assert found is not None
    return found[0]


def test_the_graph_says_of_each_step_how_it_stands_and_leads_to_it(world):
    run = drain(start(world, step("a"), fails("b", needs="a"), step("c", needs="b")))
    html = page_of(world, run)
    for key, state, tone in (("a", "Succeeded", "success"), ("b", "Failed", "danger"), ("c", "Skipped", "neutral")):
        pk = run.steps.get(key=key).pk
        assert f"tone-{tone}" in node(html, key)
        assert f'"{key} {state}, ' in node(html, key)
        assert f'href="/p/acme/runs/{run.pk}/steps/{pk}/"' in node(html, key)
    assert 'aria-current="true"' in node(html, "b")


def test_it_is_drawn_from_the_version_that_ran(world):
    run = drain(start(world, step("a"), step("b", needs="a")))
    run.workflow.versions.create(number=2, text="", document={"steps": [step("z")]}, created_by="erin")
    assert node(page_of(world, run), "b")


def test_one_step_alone_makes_no_graph(world):
    assert "step-graph__node" not in page_of(world, drain(start(world, step("only"))))


def test_the_part_that_is_fetched_again_is_the_same_and_live_only_while_the_run_is(world):
    run = start(world, step("a"), step("b", needs="a"))
    take(run, "a")
    html = page_of(world, run, "parts/graph")
    assert 'data-live-refresh="run. step."' in html
    assert '"a Running, ' in node(html, "a")
    drain(start(world, step("x")))
    StepRun.objects.filter(run=run).update(lease_until="2020-01-01T00:00Z")
    run = drain(run)
    assert "data-live-refresh" not in page_of(world, run, "parts/graph")


def test_the_page_costs_the_same_whatever_the_number_of_steps(world, django_assert_max_num_queries):
    client = world.client("bob")
    for count in (2, 20):
        run = drain(start(world, *[step(f"s{n}") for n in range(count)]))
        with django_assert_max_num_queries(19):
            client.get(f"/p/acme/runs/{run.pk}/")


def test_the_log_leaves_as_a_file_narrowed_like_the_page(world):
    run = start(world, step("a"))
    claimed = take(run, "a")
    log = LogBuffer(run_id=run.pk, step_id=claimed.id, attempt_no=1)
    log.add("info", "one")
    log.add("error", "two")
    log.flush()
    client = world.client("vera")
    here = f"/p/acme/runs/{run.pk}/log.txt"
    everything = b"".join(client.get(here)).decode()
    assert [line.split()[-1] for line in everything.splitlines()] == ["one", "two"]
    assert b"".join(client.get(f"{here}?level=error")).decode().splitlines() == everything.splitlines()[1:]
    assert client.get(f"{here}?level=loud").status_code == 400


def test_what_no_text_can_hold_is_no_failure(world):
    run = start(world, step("a"))
    client = world.client("bob")
    assert client.get(f"/p/acme/runs/{run.pk}/log/lines?search=%00").json()["lines"] == []
    client.post(f"/p/acme/runs/{run.pk}/control/pause", {"reason": "too\x00 early"})
    run.refresh_from_db()
    assert (run.state, run.control_reason) == ("paused", "too early")


def test_a_number_too_long_to_be_a_run_starts_nothing_anew(world):
    workflow = start(world, step("a")).workflow
    response = world.client("bob").get(f"/p/acme/runs/new?workflow={workflow.pk}&from={'9' * 5000}")
    assert response.status_code == 200


def test_json_without_end_is_refused_where_it_was_typed(world):
    run = start(world, step("a"), params={"properties": {"x": {"type": "array"}}})
    sent = {"workflow": run.workflow_id, "environment": "dev", "as_json": "1", "json": "[" * 100_000}
    assert world.client("bob").post("/p/acme/runs/new", sent).status_code == 422
    form = ReviewForm({"outcome": "succeeded", "output": "[" * 100_000})
    assert list(form.errors) == ["output"]
