"""More calls wait for others than the portal has connections and steps have threads; pages and readiness do not notice.

Against the real processes: a web process and a worker with a pool of four connections each.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.agents.catalogue import sqlite_file
from tests.agents.model_server import says_text
from tests.agents.servers import Asked, LocalServer, Says
from tests.browser.stack import Stack, eventually, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
POOL, THREADS = 4, 2
MODEL_SAYS = says_text("done").body
PAGES = ("/health/ready", "/p/acme/runs/", "/p/acme/tools/", "/p/acme/instances/", "/api/v1/runs?project=acme")


@dataclass
class Portal:
    """`slow` answers nothing until it is released; `silent` takes connections and says nothing at all."""

    stack: Stack
    slow: LocalServer
    silent: str
    folder: Path
    made: dict[str, int]

    def as_script(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.stack.seeded['tokens'][name]}"}
        return httpx.Client(base_url=f"{self.stack.url}/api/v1/", headers=headers, timeout=100)

    def as_browser(self, name: str) -> httpx.Client:
        cookies = {"sessionid": self.stack.sessions[name]}
        return httpx.Client(base_url=self.stack.url, cookies=cookies, timeout=60, follow_redirects=True)

    def post(self, name: str, path: str, body: Any = None) -> httpx.Response:
        with self.as_script(name) as client:
            return client.post(path, json=body)

    def think(self, name: str) -> httpx.Response:
        return self.post(name, f"agents/{self.made['thinker']}/test", {"input": {"prompt": "Think."}})

    def test(self, name: str, tool: str = "slow") -> httpx.Response:
        return self.post(name, f"tools/{self.made[tool]}/test", {"input": {}})


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("slow")
    with (
        LocalServer(answer) as slow,
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.MonkeyPatch.context() as own,
    ):
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        for name, value in settings_of(slow, address, folder).items():
            own.setenv(name, value)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        with running_stack(folder, f"slow_{worker}_{os.getpid()}") as stack:
            portal = Portal(stack, slow, address, folder, {})
            portal.made |= made_by_erin(portal)
            # The worker loads the library for models once.
            slow.release.set()
            assert portal.think("anna").status_code == 200
            yield portal
            slow.release.set()


def answer(asked: Asked) -> Says:
    if asked.path == "/quick":
        return Says({"ok": True})
    return Says(MODEL_SAYS if "completions" in asked.path else {"ok": True}, hold=True)


def settings_of(slow: LocalServer, silent: str, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_POOL_SIZE": str(POOL),
        "WORKER_CONCURRENCY": str(THREADS),
        "SPARKOPS_OUTBOUND_ALLOW": f"{slow.address},{silent}",
        "SPARKOPS_INSTANCE_ROOTS": str(folder),
        "TRIAL_TAKEN_WITHIN_SECONDS": "2",
        "TRIAL_SECONDS": "55",
        "WEB_LOCK_SECONDS": "1",
        "ENGINE_LEASE_SECONDS": "3",
        "ENGINE_HEARTBEAT_SECONDS": "1",
    }


def made_by_erin(portal: Portal) -> dict[str, int]:
    slow = {"kind": "http", "config": {"method": "GET", "url": f"{portal.slow.url}/slow"}}
    quick = {"kind": "http", "config": {"method": "GET", "url": f"{portal.slow.url}/quick"}}
    thinker = {"kind": "llm", "config": {"base_url": f"{portal.slow.url}/v1", "model": "scripted"}}
    made = {
        "slow": portal.post("erin", "tools", {"name": "slow", **slow}),
        "quick": portal.post("erin", "tools", {"name": "quick", **quick}),
        "thinker": portal.post("erin", "agents", {"name": "thinker", **thinker}),
        "elsewhere": portal.post("mallory", "tools", {"name": "slow", **slow}),
    }
    return {name: response.json()["id"] for name, response in made.items()}


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(30) as threads:
        yield threads


@pytest.fixture(autouse=True)
def nobody_waits(portal: Portal) -> Iterator[None]:
    """Each test begins and ends with an idle worker."""
    portal.slow.release.clear()
    portal.slow.asked.clear()
    yield
    portal.slow.release.set()
    eventually(lambda: portal.test("bob", "quick").status_code == 200)


def slow_calls(portal: Portal, crowd: ThreadPoolExecutor) -> list[Future[httpx.Response]]:
    """Ten in acme, the most that a project may have, and three elsewhere."""
    wanted: list[Callable[[], httpx.Response]] = [
        *[lambda: portal.test("bob")] * 3,
        *[lambda: portal.think("anna")] * 3,
        *[lambda: portal.test("erin")] * 3,
        lambda: portal.test("alice"),
        *[lambda: portal.test("mallory", "elsewhere")] * 3,
    ]
    return [crowd.submit(call) for call in wanted]


def all_wait(portal: Portal, calls: list[Future[httpx.Response]]) -> None:
    eventually(lambda: len(portal.slow.asked) == len(calls) or any(call.done() for call in calls))
    assert [call.result().text for call in calls if call.done()] == []


def test_slow_calls_take_neither_connections_nor_pages_away(portal, crowd):
    calls = slow_calls(portal, crowd)
    assert len(calls) > 3 * POOL
    all_wait(portal, calls)
    with portal.as_browser("vera") as vera:
        for path in PAGES * 4:
            assert vera.get(path, timeout=4).status_code == 200, path
    portal.slow.release.set()
    answers = [call.result() for call in calls]
    assert [one.status_code for one in answers] == [200] * len(calls), [one.text[:200] for one in answers]
    assert answers[0].json()["output"] == {"ok": True}
    assert answers[3].json()["output"] == "done"


def test_a_person_and_a_project_have_their_limits(portal, crowd):
    calls = slow_calls(portal, crowd)
    all_wait(portal, calls)
    fourth, eleventh = portal.test("bob"), portal.test("alice")
    for refused, most in (fourth, 3), (eleventh, 10):
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["limit"]) == (429, "too_many_trials", most)
        assert int(refused.headers["retry-after"]) > 0
        assert str(most) in problem["detail"]
    portal.slow.release.set()
    assert [call.result().status_code for call in calls] == [200] * len(calls)
    assert portal.test("bob", "quick").status_code == 200


def test_two_clicks_at_once_do_not_pass_the_limit(portal, crowd):
    calls = [crowd.submit(portal.test, "bob") for _ in range(12)]
    eventually(lambda: sum(call.done() for call in calls) == 9)
    assert {call.result().status_code for call in calls if call.done()} == {429}
    portal.slow.release.set()
    assert sorted(call.result().status_code for call in calls) == [200] * 3 + [429] * 9


def test_a_connection_that_is_examined_holds_nothing_up(portal, crowd):
    url = f"postgresql://reader:secret@{portal.silent}/sales"
    new = {"name": "silent", "engine": "postgres", "url": url}
    calls = [crowd.submit(portal.post, name, "instances", new) for name in ("erin", "alice") for _ in range(3)]
    with portal.as_browser("vera") as vera:
        while not all(call.done() for call in calls):
            assert vera.get("/health/ready", timeout=4).status_code == 200
            assert vera.get("/p/acme/instances/", timeout=4).status_code == 200
    answers = [call.result() for call in calls]
    assert {one.status_code for one in answers} == {400}, [one.text for one in answers]
    assert {error["field"] for one in answers for error in one.json()["errors"]} == {"url"}
    assert "secret" not in "".join(one.text for one in answers)


def test_an_instance_is_made_with_a_form_and_by_a_script_that_asks_twice(portal):
    url = str(sqlite_file(portal.folder))
    with portal.as_browser("erin") as erin:
        form = erin.get("/p/acme/instances/new?kind=sqlite")
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)[1]
        typed = {"name": "by-form", "url": url, "timeout_seconds": "30", "csrfmiddlewaretoken": csrf}
        shown = erin.post("/p/acme/instances/new?kind=sqlite", data=typed, headers={"Referer": str(form.url)})
    assert (shown.status_code, "by-form was created" in shown.text) == (200, True), shown.text[-2000:]
    new = {"name": "by-script", "engine": "sqlite", "url": url}
    with portal.as_script("erin") as erin:
        first, again = (erin.post("instances", json=new, headers={"Idempotency-Key": "one"}) for _ in range(2))
        assert (first.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotent-replayed"] == "true"
        report = erin.post(f"instances/{first.json()['id']}/test").json()
    assert (report["ok"], report["tables"]) == (True, ["orders"])


def test_the_page_of_a_test_shows_the_answer_without_script(portal):
    with portal.as_browser("bob") as bob:
        path = f"/p/acme/tools/{portal.made['quick']}/trial"
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', bob.get(path).text)[1]
        shown = bob.post(path, data={"input": "{}", "csrfmiddlewaretoken": csrf})
    assert shown.status_code == 200
    assert "Answered in" in shown.text
    nonce = re.search(r"'nonce-([^']+)'", shown.headers["content-security-policy"])
    assert nonce is None or nonce[1] in shown.text


def test_who_leaves_ends_the_call_and_has_the_place_again(portal):
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout), portal.as_script("bob") as client:
            client.post(f"tools/{portal.made['slow']}/test", json={"input": {}}, timeout=1)
    assert len(portal.slow.asked) == 3
    eventually(lambda: portal.test("bob", "quick").status_code == 200, seconds=10)


def test_a_test_does_not_wait_behind_busy_steps(portal):
    busy = [portal.stack.toiling() for _ in range(THREADS)]
    assert portal.test("bob", "quick").status_code == 200
    for pk in busy:
        portal.stack.api(f"runs/{pk}/cancel", {})


def test_who_locks_a_row_holds_no_request_up_without_end(portal):
    with psycopg.connect(portal.stack.environment["DATABASE_URL"]) as other, portal.as_script("erin") as erin:
        other.execute("SELECT 1 FROM agents_tool WHERE id = %s FOR UPDATE", [portal.made["quick"]])
        refused = erin.patch(f"tools/{portal.made['quick']}", json={"description": "changed"}, timeout=20)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert "too busy" in refused.json()["detail"]
        other.rollback()
        assert erin.patch(f"tools/{portal.made['quick']}", json={"description": "changed"}).status_code == 200


def test_without_a_worker_the_answer_says_so(portal, crowd):
    call = crowd.submit(portal.test, "bob")
    eventually(lambda: portal.slow.asked)
    portal.stack.stop("worker", force=True)
    try:
        lost, none = call.result(), portal.test("bob", "quick")
        assert (lost.status_code, lost.json()["code"]) == (502, "worker_lost")
        assert (none.status_code, none.json()["code"]) == (503, "unavailable")
        assert "No worker is free" in none.json()["detail"]
        assert int(none.headers["retry-after"]) > 0
    finally:
        portal.stack.start("worker")
