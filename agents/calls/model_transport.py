"""How the model library reaches the network: only through the outbound client, counted and logged."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import httpx2
from asgiref.sync import sync_to_async

from agents.calls.context import CallContext
from agents.calls.ledger import Ledger
from controlplane.domain.failures import Failure
from controlplane.domain.words import counted
from controlplane.outbound.client import send
from controlplane.outbound.exchange import OWN_HEADERS, OutboundRequest, OutboundResponse


class ModelTransport(httpx2.AsyncBaseTransport):
    """An httpx2 transport. The first `Failure` is kept in `failure`, whatever the library makes of it.

    Each call runs on the thread that started the agent, where a cancel of the token breaks its socket.
    """

    def __init__(self, ledger: Ledger, context: CallContext, tools: Collection[str]) -> None:
        self.ledger = ledger
        self.tools = tools
        self.context = context
        self.failure: Failure | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        try:
            answer = await sync_to_async(self._send, thread_sensitive=True)(request, body)
        except Failure as failure:
            self.failure = self.failure or failure
            raise httpx2.ConnectError(failure.message, request=request) from None
        headers = {"content-type": answer.headers.get("content-type", "application/json")}
        return httpx2.Response(answer.status, headers=headers, content=answer.content, request=request)

    def _send(self, request: httpx2.Request, body: bytes) -> OutboundResponse:
        if self.failure is not None:
            raise self.failure
        self.context.token.check()
        self.ledger.check_step()
        self.ledger.requests += 1
        self.context.before_send()
        self.context.log("info", f"Model request {self.ledger.requests}: {_outline(body)}")
        answer = send(self._outbound(request, body), token=self.context.token)
        self._count(answer)
        return answer

    def _outbound(self, request: httpx2.Request, body: bytes) -> OutboundRequest:
        # What a library says of itself and of this machine is nobody's business.
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in OWN_HEADERS and name != "user-agent" and not name.startswith("x-stainless")
        }
        return OutboundRequest(
            method=request.method,
            url=str(request.url),
            headers=headers,
            body=body,
            timeout_seconds=self.context.token.remaining() or 0.001,
        )

    def _count(self, answer: OutboundResponse) -> None:
        usage = answer.body.get("usage") if isinstance(answer.body, dict) else None
        self.ledger.count(usage)
        tokens = f"{self.ledger.input_tokens:,} tokens in, {self.ledger.output_tokens:,} out"
        self.context.log("info", f"Model answered in {answer.duration_ms} ms; so far {tokens}, {self._money()}")
        for name in tools_asked_for(answer.body) - set(self.tools):
            self.context.log("warning", f"The model asked for {name[:100]}, which is not among its tools: refused")

    def _money(self) -> str:
        return "no price known" if self.ledger.unpriced else f"{self.ledger.cost_usd:.6f} USD"


def tools_asked_for(body: Any) -> set[str]:
    """The names in an answer's tool calls; whatever is malformed is left to the library to refuse."""
    found = set()
    for choice in list_in(body, "choices"):
        message = choice.get("message") if isinstance(choice, dict) else None
        for call in list_in(message, "tool_calls"):
            asked = call.get("function") if isinstance(call, dict) else None
            if isinstance(asked, dict) and isinstance(asked.get("name"), str):
                found.add(asked["name"])
    return found


def list_in(value: Any, name: str) -> list[Any]:
    """`value[name]`, or an empty list where the answer of the server is not made so."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []


def _outline(body: bytes) -> str:
    """Model and size of a request, for the log; the prompt itself is in the step's request."""
    try:
        sent: dict[str, Any] = json.loads(body)
        return (
            f"{sent.get('model')}, {counted(len(sent.get('messages', [])), 'messages')}, {counted(len(body), 'bytes')}"
        )
    except (ValueError, AttributeError):
        return counted(len(body), "bytes")
