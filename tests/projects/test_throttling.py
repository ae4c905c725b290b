"""The rate limit: counted for each caller, told with every answer, refused with 429."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from controlplane.projects.requests.throttling import counters

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_has_called_before(settings, monkeypatch):
    """Callers without an account are counted by their address, which all tests share; and the minute does not end."""
    clock = SimpleNamespace(time=lambda: 1_800_000_020.0, monotonic=time.monotonic)
    monkeypatch.setattr("controlplane.projects.requests.throttling.time", clock)
    for key in counters().scan_iter(f"{settings.REDIS_PREFIX}calls:*"):
        counters().delete(key)


def test_calls_beyond_the_limit_are_refused_until_the_minute_ends(world, settings):
    settings.API_CALLS_PER_MINUTE = 2
    client = world.api("vera")
    first, second, third = (client.get("/api/v1/projects") for _ in range(3))
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in (first, second)] == ["1", "0"]
    assert 1 <= int(third["Retry-After"]) <= 60
    assert third["Content-Type"] == "application/problem+json"


def test_each_caller_has_a_limit_of_their_own(world, settings):
    settings.API_CALLS_PER_MINUTE = 1
    vera, bob = world.api("vera"), world.api("bob")
    assert [client.get("/api/v1/projects").status_code for client in (vera, bob, vera)] == [200, 200, 429]


def test_an_address_that_the_caller_makes_up_counts_as_theirs(world, settings):
    settings.API_CALLS_PER_MINUTE = 1
    body, client = {"username": "nobody", "password": "wrong"}, world.client()
    tries = [
        client.post("/api/v1/auth/token", body, "application/json", headers={"X-Forwarded-For": address})
        for address in ("192.0.2.1", "192.0.2.2")
    ]
    assert [answer.status_code for answer in tries] == [401, 429]
