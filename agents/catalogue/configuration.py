"""May this tool, agent or instance be saved? Every reason against it, with the field it lies in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from agents.calls import registry as functions
from agents.calls.addresses import PLACEHOLDER, REFERENCE
from agents.catalogue import shapes
from agents.catalogue.secret_references import names_in, texts_in
from agents.models import Instance, Tool
from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import depth_of, schema_faults, suggestion, value_faults
from controlplane.domain.redaction import is_secret_name
from controlplane.outbound.exchange import OWN_HEADERS
from controlplane.projects.models import Secret

DEPTH = 32
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SECRETS_ALLOWED = re.compile(r"^(url|base_url|api_key|headers\..+)$")

Faults = Iterator[FieldError]


def check_tool(project_id: int, document: Mapping[str, Any]) -> None:
    """Raises InvalidInput; `document` has every field of a tool."""
    refuse(shape_faults(document, shapes.TOOL))
    config = document["config"]
    refuse(under("config", shape_faults(config, shapes.TOOL_CONFIGS[document["kind"]])))
    refuse(
        [
            *secret_faults(project_id, config),
            *under("input_schema", schema_errors(document["input_schema"])),
            *under("output_schema", schema_errors(document["output_schema"])),
            *under("config", CONFIG_CHECKS[document["kind"]](project_id, config)),
            *cost_faults(document["cost_usd"]),
        ]
    )


def check_agent(project_id: int, document: Mapping[str, Any]) -> None:
    """Raises InvalidInput; `document` has every field of an agent."""
    refuse(shape_faults(document, shapes.AGENT))
    config = document["config"]
    refuse(under("config", shape_faults(config, shapes.AGENT_CONFIGS[document["kind"]])))
    checks = under("config", CONFIG_CHECKS[document["kind"]](project_id, config))
    refuse([*secret_faults(project_id, config), *checks])


def check_instance(project_id: int, document: Mapping[str, Any]) -> None:
    """Raises InvalidInput. Whether the connection may be used is found out by connecting."""
    refuse(shape_faults(document, shapes.INSTANCE))
    refuse(unknown_secrets(project_id, {"url": document["url"]}))


def refuse(faults: Any) -> None:
    errors = list(faults)
    if errors:
        raise InvalidInput(f"{errors[0].field or 'The input'}: {errors[0].message}", errors=errors)


def under(prefix: str, faults: Any) -> Faults:
    for fault in faults:
        yield FieldError(f"{prefix}.{fault.field}".rstrip("."), fault.message, fault.code)


def shape_faults(document: Any, shape: Mapping[str, Any]) -> Faults:
    if depth_of(document) > DEPTH:
        yield FieldError("", f"This is nested more than {DEPTH} levels deep.", "too_deep")
        return
    for path, text in texts_in(document):
        if UNSTORABLE.search(text) or UNSTORABLE.search(path):
            yield FieldError(path, "This holds characters that cannot be stored.")
    yield from (FieldError(fault.path, fault.message, fault.code) for fault in value_faults(shape, document))


def schema_errors(schema: Mapping[str, Any]) -> Faults:
    yield from (FieldError(fault.path, fault.message, fault.code) for fault in schema_faults(schema))


def cost_faults(cost: Any) -> Faults:
    try:
        amount = Decimal(str(cost))
        fits = amount.is_finite() and 0 <= amount < 1_000_000 and amount == round(amount, 6)
    except InvalidOperation:
        fits = False
    if not fits:
        yield FieldError("cost_usd", "This must be an amount in USD, from 0, with at most six decimals.")


def secret_faults(project_id: int, config: Mapping[str, Any]) -> Faults:
    for path, text in texts_in(config):
        if "${{" in REFERENCE.sub("", text):
            yield FieldError(f"config.{path}", "Only ${{ secrets.NAME }} can be written here.", "template")
        elif REFERENCE.search(text) and not SECRETS_ALLOWED.match(path):
            yield FieldError(f"config.{path}", "Secrets can stand in the URL, headers and API key only.", "secret")
    yield from under("config", unknown_secrets(project_id, config))


def unknown_secrets(project_id: int, value: Mapping[str, Any]) -> Faults:
    names = names_in(value)
    if not names:
        return
    known = list(Secret.objects.filter(project_id=project_id).values_list("name", flat=True))
    for path, text in texts_in(value):
        for name in REFERENCE.findall(text):
            if name not in known:
                yield FieldError(path, f"There is no secret {name} in this project.{suggestion(name, known)}", "secret")


def http_faults(project_id: int, config: Mapping[str, Any]) -> Faults:
    yield from url_faults("url", config["url"], placeholders=True)
    for name, value in config.get("headers", {}).items():
        field = f"headers.{name}"
        if name.lower() in OWN_HEADERS:
            yield FieldError(field, "The portal sets this header itself.")
        elif re.search(r"[\r\n\x00]", value):
            yield FieldError(field, "A header cannot hold a line break.")
        elif is_secret_name(name) and not REFERENCE.search(value):
            yield FieldError(field, "Keep this value as a secret and write ${{ secrets.NAME }} here.", "secret")


def url_faults(field: str, url: str, *, placeholders: bool = False) -> Faults:
    """A URL that begins with a secret is checked when it is called."""
    if REFERENCE.match(url):
        return
    try:
        parts = urlsplit(REFERENCE.sub("secret", url))
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield FieldError(field, "This is not a valid URL.")
        return
    if parts.scheme not in ("http", "https") or not host:
        yield FieldError(field, "This must be an http or https URL, such as https://api.example.com/items.")
    elif "@" in parts.netloc:
        yield FieldError(field, "Send user name and password in an Authorization header, not in the URL.", "secret")
    elif "{" in parts.netloc or (not placeholders and PLACEHOLDER.search(url)):
        yield FieldError(field, "The input can fill in parts of the path and the query only, never the host.")


def function_faults(project_id: int, config: Mapping[str, Any]) -> Faults:
    name = config["function"]
    if name not in functions.registered():
        known = sorted(functions.registered())
        message = f"There is no function {name}.{suggestion(name, known)} Registered are {', '.join(known)}."
        yield FieldError("function", message, "unknown")


def sql_faults(project_id: int, config: Mapping[str, Any]) -> Faults:
    yield from missing("instance", Instance, project_id, config["instance"], "instance")
    if not config["sql"].strip():
        yield FieldError("sql", "This is required.", "required")


def llm_faults(project_id: int, config: Mapping[str, Any]) -> Faults:
    yield from url_faults("base_url", config["base_url"])
    key = config.get("api_key", "")
    if key and not REFERENCE.fullmatch(key.strip()):
        yield FieldError("api_key", "Keep the key as a secret and write ${{ secrets.NAME }} here.", "secret")
    if "final_answer" in config.get("tools", []):
        yield FieldError("tools", "The name final_answer is taken by the model's own answer.", "taken")
    for index, name in enumerate(config.get("tools", [])):
        yield from missing(f"tools[{index}]", Tool, project_id, name, "tool")
    if "output_schema" in config:
        yield from under("output_schema", output_faults(config["output_schema"]))


def output_faults(schema: Mapping[str, Any]) -> Faults:
    yield from schema_errors(schema)
    if schema and schema.get("type") != "object":
        yield FieldError("type", "A model's structured output is an object.", "type")


def missing(field: str, model: Any, project_id: int, name: str, word: str) -> Faults:
    known = list(model.objects.filter(project_id=project_id).values_list("name", flat=True))
    if name not in known:
        yield FieldError(field, f"There is no {word} {name} in this project.{suggestion(name, known)}", "unknown")


CONFIG_CHECKS: dict[str, Callable[[int, Mapping[str, Any]], Faults]] = {
    "http": http_faults,
    "function": function_faults,
    "sql": sql_faults,
    "llm": llm_faults,
}
