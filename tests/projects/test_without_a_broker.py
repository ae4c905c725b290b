"""Signing in while Valkey is full, slow or gone: it works, and wrong passwords are still counted."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis

from tests.events.conftest import web_process
from tests.events.test_broker_restarts import OwnBroker
from tests.world import PASSWORD

# Each try is hashed, which is slow on purpose.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]
# Waiting for Valkey took four times five seconds and more.
MOST_SECONDS = 10


@pytest.fixture
def broker() -> Iterator[OwnBroker]:
    own = OwnBroker()
    yield own
    own.servers.stop()


def fill(broker: OwnBroker) -> None:
    client = Redis.from_url(broker.url)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1mb")


def make_it_hang(broker: OwnBroker) -> None:
    broker.process.send_signal(signal.SIGSTOP)


def take_it_away(broker: OwnBroker) -> None:
    broker.process.send_signal(signal.SIGCONT)
    broker.go_away()


@contextmanager
def soon() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < MOST_SECONDS


def browser(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=20, headers={"Origin": url})


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """A form of ours, with the token of its page."""
    client.get(path)
    return client.post(path, data={**fields, "csrfmiddlewaretoken": client.cookies["csrftoken"]})


def by_page(url: str, login: str, password: str = PASSWORD) -> httpx.Client:
    client = browser(url)
    post(client, "/accounts/login/", login=login, password=password)
    return client


def by_api(url: str, name: str, password: str = PASSWORD) -> httpx.Response:
    return httpx.post(f"{url}/api/v1/auth/token", json={"username": name, "password": password}, timeout=20)


def signs_in_and_out(url: str) -> None:
    with soon():
        client = by_page(url, "bob")
        assert client.get("/p/acme/").status_code == 200
    with soon():
        post(client, "/accounts/logout/")
        assert client.get("/p/acme/").status_code == 302
    with soon():
        access = by_api(url, "bob").json()["access"]
        assert httpx.get(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {access}"}).status_code == 200
    with soon():
        asked = post(browser(url), "/accounts/password/reset/", email="bob@example.com")
        assert asked.headers["Location"] == "/accounts/password/reset/done/"


def try_wrong_passwords(url: str, name: str, times: int) -> None:
    assert [by_api(url, name, "wrong").status_code for _ in range(times)] == [401] * times


def test_people_sign_in_and_tries_are_counted_whatever_happens_to_the_broker(broker, world):
    # Ten tries a name.
    tries = {fill: 3, make_it_hang: 3, take_it_away: 4}
    with web_process(REDIS_URL=broker.url) as server:
        url = f"http://127.0.0.1:{server.port}"
        for befall, times in tries.items():
            befall(broker)
            signs_in_and_out(url)
            try_wrong_passwords(url, "anna", times)
        assert by_page(url, "anna").get("/p/acme/").status_code == 302
        assert by_api(url, "anna").status_code == 429
        told = httpx.get(f"{url}/health/ready")
        assert (told.status_code, told.json()["status"], told.json()["checks"]["broker"]) == (200, "degraded", False)
