"""The README's part on scripts, word for word, against `manage.py up` and its demo project."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import urllib.request
from typing import Any

import pytest
import websockets

from controlplane.embedded.folders import REPOSITORY
from tests.browser.stack import FINAL, eventually
from tests.embedded.conftest import data  # noqa: F401 - the fixture
from tests.embedded.test_everything import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
README = (REPOSITORY / "README.md").read_text().partition("## Connect a script")[2].partition("\n## ")[0]


class Script:
    """What the README tells a script to send, with its own token, at the address of this installation."""

    def __init__(self, base: str, password: str) -> None:
        self.base, self.token = base, ""
        pair = self.send("/api/v1/auth/token", {"username": "admin", "password": password})
        self.token = pair["access"]
        self.token = self.send("/api/v1/tokens", {"name": "nightly"})["token"]

    def send(self, path: str, body: Any = None, **headers: str) -> Any:
        return json.loads(self.text(path, body, **headers))

    def text(self, path: str, body: Any = None, **headers: str) -> str:
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", **headers} if self.token else headers
        asked = urllib.request.Request(self.base + path, sent, {"Content-Type": "application/json", **headers})
        with urllib.request.urlopen(asked, timeout=20) as response:
            return response.read().decode()

    async def frames(self, path: str) -> list[dict[str, Any]]:
        """What the socket sends until it has caught up."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with websockets.connect(self.base.replace("http", "ws") + path, additional_headers=headers) as socket:
            found = []
            while not found or found[-1]["type"] != "caught_up":
                found.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
            return found


@pytest.fixture
def script(data):  # noqa: F811
    installation = Installation(data).start(SPARKOPS_DEMO="1")
    try:
        yield Script(f"http://127.0.0.1:{installation.port}", (data / "admin-password").read_text().strip())
    finally:
        installation.stop()


def path_of(part: str, run: int) -> str:
    """The address in the README that holds `part`, for this run instead of its example."""
    found = next(path for path in re.findall(r"127\.0\.0\.1:8000(/[^\s'`\]]+)", README) if part in path)
    return re.sub(r"/runs/\d+", f"/runs/{run}", found)


def test_it_starts_a_run_follows_it_and_exports_it(script):
    body = json.loads(re.search(r"-d '(\{.*\})'", README)[1])
    key = re.search(r"Idempotency-Key: ([\w-]+)", README)[1]
    first, second = [script.send("/api/v1/runs", body, **{"Idempotency-Key": key}) for _ in "ab"]
    assert second == first
    run = first["id"]

    eventually(lambda: script.send(f"/api/v1/runs/{run}")["status"] in FINAL)
    assert script.send(f"/api/v1/runs/{run}")["status"] == "succeeded"

    polled = script.send(path_of("/events", run))["results"]
    assert [frame["seq"] for frame in polled] == list(range(1, len(polled) + 1))
    assert (polled[0]["type"], polled[-1]["type"]) == ("run.created", "run.succeeded")
    *live, caught_up = asyncio.run(script.frames(path_of("/ws/", run)))
    assert live == polled
    assert caught_up["seq"] == polled[-1]["seq"]
    *rest, _ = asyncio.run(script.frames(f"/ws/runs/{run}?after={polled[-2]['seq']}"))
    assert rest == polled[-1:]

    exported = path_of(".csv", run)
    assert list(csv.reader(io.StringIO(script.text(exported))))[1:] == []
    rows = csv.DictReader(io.StringIO(script.text(exported.replace("failed,timed_out", "succeeded"))))
    assert str(run) in [row["id"] for row in rows]
