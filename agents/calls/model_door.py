"""How the model library reaches the network: only through the outbound door, counted and logged."""

from __future__ import annotations

import json
from typing import Any

import httpx
from asgiref.sync import sync_to_async

from agents.calls.context import CallContext
from agents.calls.ledger import Ledger
from controlplane.domain.failures import Failure
from controlplane.outbound.door import send
from controlplane.outbound.exchange import OWN_HEADERS, OutboundRequest, OutboundResponse


class ModelDoor(httpx.AsyncBaseTransport):
    """An httpx transport. The first `Failure` is kept in `failure`, whatever the library makes of it.

    Each call runs on the thread that started the agent, where a cancel of the token breaks its socket.
    """

    def __init__(self, ledger: Ledger, context: CallContext) -> None:
        self.ledger = ledger
        self.context = context
        self.failure: Failure | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        try:
            answer = await sync_to_async(self._send, thread_sensitive=True)(request, body)
        except Failure as failure:
            self.failure = self.failure or failure
            raise httpx.ConnectError(failure.message, request=request) from None
        headers = {"content-type": answer.headers.get("content-type", "application/json")}
        return httpx.Response(answer.status, headers=headers, content=answer.content, request=request)

    def _send(self, request: httpx.Request, body: bytes) -> OutboundResponse:
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

    def _outbound(self, request: httpx.Request, body: bytes) -> OutboundRequest:
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

    def _money(self) -> str:
        return "no price known" if self.ledger.unpriced else f"{self.ledger.cost_usd:.6f} USD"


def _outline(body: bytes) -> str:
    """Model and size of a request, for the log; the prompt itself is in the step's request."""
    try:
        sent: dict[str, Any] = json.loads(body)
        return f"{sent.get('model')}, {len(sent.get('messages', []))} messages, {len(body):,} bytes"
    except (ValueError, AttributeError):
        return f"{len(body):,} bytes"
