"""Clients for libraries: the same guard through httpx, and through the model library that will use it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure
from controlplane.outbound.clients import failure_behind, guarded_async_client, guarded_client
from tests.outbound.hostile import ROUTES, HostileServer, Peer

Call = Callable[..., httpx.Response]


def _blocking(server: HostileServer, path: str, token: CancelToken, **options: object) -> httpx.Response:
    with guarded_client(token=token, allow=[f"127.0.0.1:{server.port}"], **options) as client:
        return client.get(path if "://" in path else server.url + path)


def _awaiting(server: HostileServer, path: str, token: CancelToken, **options: object) -> httpx.Response:
    async def fetch() -> httpx.Response:
        async with guarded_async_client(token=token, allow=[f"127.0.0.1:{server.port}"], **options) as client:
            return await client.get(path if "://" in path else server.url + path)

    return asyncio.run(fetch())


@pytest.fixture(params=[_blocking, _awaiting], ids=["sync", "async"])
def get(request: pytest.FixtureRequest, server: HostileServer) -> Call:
    return lambda path, token=None, **options: request.param(server, path, token or CancelToken(), **options)


def test_it_answers(get: Call):
    assert get("/good").json()["ok"][1] == 2.5
    assert get("/teapot").status_code == 418
    assert get("/to-echo").status_code == 302


def test_it_decompresses_on_its_own(get: Call):
    answer = get("/gzipped")
    assert answer.json() == {"packed": True}
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("path", "kind", "options"),
    [
        ("http://127.0.0.2/", "address_refused", {}),
        ("http://localhost:1/", "address_refused", {}),
        ("http://user@example.com/", "url_refused", {}),
        ("/hang", "timeout", {"timeout_seconds": 0.4}),
        ("/drip-head", "timeout", {"timeout_seconds": 0.4}),
        ("/drip-body", "timeout", {"timeout_seconds": 0.4}),
        ("/flood", "response_too_large", {"max_bytes": 100_000}),
        ("/bomb", "response_too_large", {"max_bytes": 100_000}),
        ("/brotli", "bad_response", {}),
        ("/cut-gzip", "bad_response", {}),
        ("/not-http", "bad_response", {}),
        ("/big-header", "bad_response", {}),
        ("/reset", "connection_lost", {}),
        ("/drop", "connection_lost", {}),
    ],
)
def test_trouble_is_a_failure_of_the_same_kind(get: Call, path: str, kind: str, options: dict):
    started = time.monotonic()
    with pytest.raises(Failure) as caught:
        get(path, **options)
    assert caught.value.kind == kind
    assert caught.value.acted is ("://" not in path)
    if kind == "timeout":
        assert time.monotonic() - started < 1.4


@pytest.mark.parametrize("path", ["/hang", "/drip-body"])
def test_a_cancel_ends_a_call_in_flight(get: Call, server: HostileServer, path: str):
    token = CancelToken()
    threading.Thread(target=lambda: server.arrived.wait(5) and token.cancel("enough")).start()
    started = time.monotonic()
    with pytest.raises(Cancelled) as caught:
        get(path, token)
    assert caught.value.acted
    assert time.monotonic() - started < 2


def _completion(peer: Peer) -> None:
    message = {"role": "assistant", "content": f"You said {json.loads(peer.body)['messages'][-1]['content']}"}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
    peer.answer(json.dumps(body).encode())


class TestWithTheModelLibrary:
    @pytest.fixture
    def ask(self, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
        monkeypatch.setitem(ROUTES, "/v1/chat/completions", _completion)
        monkeypatch.setitem(ROUTES, "/hang/chat/completions", ROUTES["/hang"])

        async def run(base: str, token: CancelToken) -> str:
            from openai import AsyncOpenAI

            async with guarded_async_client(token=token, allow=[f"127.0.0.1:{server.port}"]) as client:
                openai = AsyncOpenAI(base_url=base, api_key="k", http_client=client, max_retries=0)
                model = OpenAIChatModel("m", provider=OpenAIProvider(openai_client=openai))
                return (await Agent(model).run("hello")).output

        return lambda base, token=None: asyncio.run(run(base, token or CancelToken()))

    def test_a_model_call_passes_the_guard(self, ask, server):
        assert ask(f"{server.url}/v1") == "You said hello"

    def test_a_refusal_is_found_behind_the_library_s_own_error(self, ask):
        with pytest.raises(Exception) as caught:
            ask("http://127.0.0.2/v1")
        failure = failure_behind(caught.value)
        assert failure is not None
        assert failure.kind == "address_refused"

    def test_a_cancel_ends_a_model_call(self, ask, server):
        token = CancelToken()
        threading.Thread(target=lambda: server.arrived.wait(5) and token.cancel()).start()
        started = time.monotonic()
        with pytest.raises(Exception) as caught:
            ask(f"{server.url}/hang", token)
        assert isinstance(failure_behind(caught.value), Cancelled)
        assert time.monotonic() - started < 5


def test_an_error_without_a_failure_behind_it_has_none():
    assert failure_behind(ValueError("x")) is None
    assert failure_behind(None) is None
