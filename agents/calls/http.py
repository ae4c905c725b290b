"""One HTTP call, as http tools and http agents make it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agents.calls.addresses import PLACEHOLDER, check_host, part
from agents.calls.context import CallContext
from agents.calls.schemas import BadInput
from controlplane.domain.words import counted
from controlplane.outbound.client import send
from controlplane.outbound.exchange import OutboundRequest

IN_QUERY = ("GET", "DELETE")


def call_http(config: Mapping[str, Any], input: Mapping[str, Any], context: CallContext) -> tuple[Any, dict[str, Any]]:
    """The answer's body (parsed when JSON) and the request for display. `config` has its secrets filled in.

    `{name}` in the URL is filled from the input, percent-encoded; what is left is the JSON body, or the query of a GET
    or DELETE. Raises BadInput and the failures of the outbound client.
    """
    method = config.get("method", "POST")
    url, rest = filled_url(config["url"], input)
    in_query = method in IN_QUERY
    request = OutboundRequest(
        method=method,
        url=url,
        query=as_query(rest) if in_query else None,
        headers=config.get("headers", {}),
        json=None if in_query else rest,
        timeout_seconds=context.token.remaining() or 0.001,
        idempotency_key=context.idempotency_key,
    )
    context.token.check()
    context.before_send()
    context.log("info", f"{method} {url}")
    response = send(request, token=context.token)
    context.log("info", f"{response.status} in {response.duration_ms} ms, {counted(len(response.content), 'bytes')}")
    return response.body, described_request(request, rest)


def filled_url(url: str, input: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The URL with its `{names}` filled in, and the input without them."""
    check_host(url)
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        value = input.get(name)
        if not isinstance(value, str | int | float) or isinstance(value, bool) or str(value) in ("", ".", ".."):
            raise BadInput(f"The URL needs {name} as text or a number.", errors=[_needed(name)])
        used.add(name)
        return part(value)

    filled = PLACEHOLDER.sub(fill, url)
    return filled, {name: value for name, value in input.items() if name not in used}


def as_query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Scalars as text, lists repeated, objects as JSON; null is left out."""
    return {name: _query_value(value) for name, value in values.items() if value is not None}


def described_request(request: OutboundRequest, rest: Mapping[str, Any]) -> dict[str, Any]:
    """What the step shows as its request; `rest` is what went into the query or the body."""
    part = "query" if request.json is None else "body"
    return {"method": request.method, "url": request.url, "headers": dict(request.headers), part: dict(rest)}


def _query_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_query_value(one) for one in value if one is not None]
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else str(value)


def _needed(name: str) -> dict[str, str]:
    return {"field": f"input.{name}", "message": "This is part of the URL: text or a number.", "code": "required"}
