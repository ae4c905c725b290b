"""Ten megabytes are refused before anybody reads, authenticates or keeps them, whatever the request says of itself."""

from __future__ import annotations

import asyncio
import json

import pytest

from controlplane.asgi import application
from tests.contracts.addresses import ROUTED
from tests.contracts.permissions import ROUTES

MEGABYTE = b"x" * 1024 * 1024
WRITES = [(name, method) for name, route in ROUTES.items() for method in route.levels if method != "GET"]


def send(method: str, path: str, headers: dict[str, str], pieces: int) -> tuple[int, dict, int]:
    """(status, body, how many pieces of a megabyte the server took) of the whole application."""
    taken, sent = 0, []

    async def receive() -> dict:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": MEGABYTE, "more_body": taken < pieces}

    async def answer(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()],
    }
    asyncio.run(application(scope, receive, answer))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body), taken


def path_of(name: str) -> str:
    """Any path: the body is refused before anybody looks where it goes."""
    return "/" + ROUTED[name][0].replace("<slug:project>", "acme").split("<")[0].lstrip("^").removesuffix("/?$")


@pytest.mark.parametrize(("name", "method"), WRITES)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_ten_megabytes_are_too_large(name, method, content_type):
    headers = {"content-type": content_type, "content-length": str(10 * len(MEGABYTE))}
    status, problem, taken = send(method, path_of(name), headers, 10)
    assert (status, problem["code"], taken) == (413, "payload_too_large", 0)


@pytest.mark.parametrize("length", [None, "5", "nonsense", "-1"])
def test_a_body_that_hides_its_length_is_cut_off(length):
    headers = {"content-type": "application/json", **({"content-length": length} if length else {})}
    status, problem, taken = send("POST", "/api/v1/runs", headers, 10)
    assert (status, problem["status"]) == (413, 413)
    assert taken <= 3
