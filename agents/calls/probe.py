"""Is a tool or an agent there? The cheapest question that its kind can answer; nothing of it acts or costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agents.calls.addresses import PLACEHOLDER
from agents.calls.context import only_safe_failures
from agents.calls.registry import registered
from agents.catalogue.secret_references import revealed
from agents.models import Agent, Instance, Tool
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure, Misconfigured
from controlplane.domain.redaction import Redactor
from controlplane.outbound.client import send
from controlplane.outbound.exchange import OutboundRequest
from controlplane.outbound.failures import HttpStatus, RedirectRefused

PROBE_SECONDS = 5.0
LONGEST_PROBLEM = 500


def probe(subject: Tool | Agent) -> dict[str, Any]:
    """{ok, problems, latency_ms, how}: `how` says what was asked. Raises nothing but the loss of our database."""
    started = time.monotonic()
    how, problems = "", []
    try:
        config, secrets = revealed(subject.project_id, subject.config)
        redactor = Redactor(secrets)
        with only_safe_failures(redactor):
            how = redactor.text(KINDS[subject.kind](subject.project_id, config))
    except Failure as failure:
        problems = [failure.message[:LONGEST_PROBLEM]]
    took = round((time.monotonic() - started) * 1000)
    return {"ok": not problems, "problems": problems, "latency_ms": took, "how": how}


def probe_http(project_id: int, config: Mapping[str, Any]) -> str:
    """The server answers, whatever it says of this request: its calls may need a method and a body of their own."""
    parts = urlsplit(PLACEHOLDER.sub("", config["url"]))
    url = f"{parts.scheme}://{parts.netloc}/"
    try:
        ask(url)
    except RedirectRefused:
        pass
    except HttpStatus as failure:
        if int(failure.context.get("status", 500)) >= 500:
            raise
    return f"GET {url}"


def probe_model(project_id: int, config: Mapping[str, Any]) -> str:
    """The models endpoint accepts the key and knows the model. A server without one only has to answer."""
    url = f"{config['base_url'].rstrip('/')}/models"
    key = config.get("api_key")
    try:
        answer = ask(url, {"authorization": f"Bearer {key}"} if key else {})
    except HttpStatus as failure:
        if failure.context.get("status") not in (404, 405):
            raise
        return f"GET {url}, which this server does not have"
    refuse_unknown_model(answer, config["model"])
    return f"GET {url}"


def refuse_unknown_model(answer: Any, model: str) -> None:
    """Raises Misconfigured; a server that lists no models is believed."""
    listed = answer.get("data") if isinstance(answer, dict) else None
    names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if names and model not in names:
        raise Misconfigured(f"The server does not list the model {model}.")


def probe_function(project_id: int, config: Mapping[str, Any]) -> str:
    """What was found, in words. Raises Misconfigured."""
    if config["function"] not in registered():
        raise Misconfigured(f"There is no function {config['function']} in this installation.")
    return "It is registered"


def probe_sql(project_id: int, config: Mapping[str, Any]) -> str:
    """By the instance's last test; no statement is sent. Raises Misconfigured."""
    instance = Instance.objects.filter(project_id=project_id, name=config["instance"]).first()
    if instance is None or not instance.enabled:
        raise Misconfigured(f"The instance {config['instance']} is gone or disabled.")
    if instance.is_healthy is False:
        raise Misconfigured(f"The instance {instance.name} was unhealthy when it was last tested.")
    return f"The instance {instance.name}"


def ask(url: str, headers: Mapping[str, str] | None = None) -> object:
    """The parsed body of the answer to a GET. Raises the failures of the outbound client, after PROBE_SECONDS too."""
    token = CancelToken(timeout_seconds=PROBE_SECONDS)
    asked = OutboundRequest(url=url, headers=headers or {}, timeout_seconds=PROBE_SECONDS)
    return send(asked, token=token).body


KINDS = {"http": probe_http, "llm": probe_model, "function": probe_function, "sql": probe_sql}
