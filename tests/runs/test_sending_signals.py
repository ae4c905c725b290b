"""The doors through which signals come: the API for scripts and webhooks, the step's panel for people."""

from __future__ import annotations

import json

import pytest

from runs.models import Run
from tests.runs.driving import drain, event_types, output, start, states, step, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(world) -> Run:
    """It waits for a signal, and then gives it as its output."""
    gate = step("gate", "signal", with_={"message": "Is the load done?"})
    return start(world, gate, outputs={"said": "${{ steps.gate.output }}"})


@pytest.fixture(autouse=True)
def ended(world):
    yield
    for one in Run.objects.all():
        drain(one, hurry=False)


def address(run: Run, key: str = "gate") -> str:
    return f"/api/v1/runs/{run.pk}/steps/{run.steps.get(key=key, index=None).pk}/signal"


@pytest.mark.parametrize("sent", [{"a": [1, {"b": None}]}, [], "text", 0, False, None], ids=repr)
def test_any_json_is_a_signal(world, run, sent):
    answer = world.api("bob").post(address(run), {"output": sent}, format="json")
    assert (answer.status_code, answer.json()["status"], answer.json()["waits_for"]) == (200, "succeeded", "")
    assert answer.json()["output"] == sent
    drain(run)
    assert (run.state, run.outputs) == ("succeeded", {"said": sent})


def test_a_signal_may_say_nothing(world, run):
    assert world.api("bob").post(address(run)).status_code == 200
    assert (drain(run).state, output(run, "gate")) == ("succeeded", None)


def test_sent_twice_with_its_key_it_is_one_signal(world, run):
    api, key = world.api("bob"), {"Idempotency-Key": "hook-7"}
    first, second = (api.post(address(run), {"output": 1}, format="json", headers=key) for _ in range(2))
    assert (first.status_code, second.status_code, second["Idempotent-Replayed"]) == (200, 200, "true")
    assert second.json() == first.json()
    assert event_types(run).count("step.signalled") == 1
    other = api.post(address(run), {"output": 2}, format="json", headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_a_second_one_is_told_that_it_came_too_late(world, run):
    api = world.api("bob")
    assert api.post(address(run), {"output": 1}, format="json").status_code == 200
    late = api.post(address(run), {"output": 2}, format="json")
    assert (late.status_code, late.json()["detail"]) == (409, "It does not wait for a signal.")
    assert output(run, "gate") == 1


def test_a_step_that_works_takes_none(world):
    run = start(world, step("gate"))
    take(run, "gate")
    assert world.api("bob").post(address(run), {"output": 1}, format="json").status_code == 409
    assert states(run) == {"gate": "running"}
    run.steps.update(lease_until="2020-01-01T00:00Z")


def test_who_sends_what_where(world, run):
    other = start(world, step("gate", "signal"))
    step_of_other = address(run).replace(f"runs/{run.pk}/", f"runs/{other.pk}/")
    assert world.api("vera").post(address(run)).status_code == 403
    assert world.api("mallory").post(address(run)).status_code == 404
    assert world.api("bob").post(step_of_other).status_code == 404
    assert (states(run), states(other)) == ({"gate": "waiting"}, {"gate": "waiting"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"output": "a\\u0000b"}', 400),
        ('{"output": NaN}', 400),
        ('{"output": ' + "[" * 101 + "]" * 101 + "}", 400),
        ('{"outputs": 1}', 400),
        ("[1]", 400),
    ],
    ids=["nul", "nan", "deep", "misspelt", "no object"],
)
def test_what_cannot_be_kept_is_refused_and_the_step_waits_on(world, run, body, status):
    answer = world.api("bob").generic("POST", address(run), body, content_type="application/json")
    assert answer.status_code == status
    assert states(run) == {"gate": "waiting"}


def test_a_large_signal_is_kept_as_a_file(world, run, settings):
    settings.ENGINE_OUTPUT_INLINE_BYTES = 1_000
    assert world.api("bob").post(address(run), {"output": "x" * 5_000}, format="json").status_code == 200
    assert run.artifacts.get().size == 5_002
    assert drain(run).outputs == {"said": "x" * 5_000}


class TestPage:
    def url(self, run: Run) -> str:
        return f"/p/acme/runs/{run.pk}/steps/{run.steps.get().pk}/"

    def test_the_panel_says_what_is_waited_for_and_offers_a_form(self, world, run):
        page = world.client("bob").get(self.url(run)).content.decode()
        assert "Is the load done?" in page
        assert f'action="{self.url(run)}signal"' in page
        assert "signal" not in world.client("vera").get(self.url(run)).content.decode().split("<form")[-1]

    def test_what_is_typed_is_sent(self, world, run):
        answer = world.client("bob").post(f"{self.url(run)}signal", {"output": '{"rows": 7}'}, follow=True)
        assert "The signal was sent." in answer.content.decode()
        assert drain(run).outputs == {"said": {"rows": 7}}
        assert f'action="{self.url(run)}signal"' not in world.client("bob").get(self.url(run)).content.decode()

    @pytest.mark.parametrize("typed", ["{rows: 7}", "NaN", '"\\u0000"', "[" * 200 + "]" * 200])
    def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(self, world, run, typed):
        for headers in ({}, {"HX-Request": "true"}):
            answer = world.client("bob").post(f"{self.url(run)}signal", {"output": typed}, headers=headers)
            page = answer.content.decode()
            assert (answer.status_code, "field--invalid" in page) == (422, True)
            assert json.dumps(typed)[1:-1].replace('\\"', "&quot;").replace("\\\\", "\\") in page
            assert "hx-preserve" not in page.split('id="signal-')[1].split(">")[0]
        assert states(run) == {"gate": "waiting"}

    def test_who_comes_too_late_is_told(self, world, run):
        client, url = world.client("bob"), f"{self.url(run)}signal"
        client.post(url, {"output": "1"})
        assert "does not wait for a signal" in client.post(url, {"output": "2"}, follow=True).content.decode()
        assert output(run, "gate") == 1
