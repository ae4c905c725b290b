"""The OpenAPI document is true: what it generates is answered as it says, and never with a fault.

Schemathesis makes requests from the document, fitting and unfitting ones, the same in every session; every other one
is about something that exists. What is answered is held to the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from tests.contracts.subjects import Standing, Things
from tests.undoing import undone

pytestmark = pytest.mark.django_db

load_all_checks()
CHECKED = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)
# Requests for each operation: some twenty seconds on an idle machine for all of them.
EXAMPLES = 12
# Trying a thing calls it for real; signing in counts towards the limit of sign-ins; CSV is not read here.
LEFT_OUT = r"(/test|\.csv)$|/auth/"
# Waits for something outside, which is refused within the transaction of a key where nobody can await a worker.
LOOKS_OUTSIDE = {"POST /api/v1/instances"}
WHO = ("token:admin", "token:viewer", "token:operator")
HOW = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def described() -> Any:
    document = SchemaGenerator().get_schema(request=None, public=True)
    api = schemathesis.openapi.from_dict(document).exclude(path_regex=LEFT_OUT)
    api.app = WSGIHandler()
    return api


OPERATIONS = [found.ok() for found in described().get_all_operations()]


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """As Django's own test client does: the end of a request must not end the connection of the test."""
    watchers = [(request_started, reset_queries), (request_started, close_old_connections)]
    watchers.append((request_finished, close_old_connections))
    for signal, watcher in watchers:
        signal.disconnect(watcher)
    yield
    for signal, watcher in watchers:
        signal.connect(watcher)


def existing(operation: Any, things: Things) -> dict[str, Any]:
    """Path parameters that lead to things of acme."""
    kind = operation.path.split("/")[3].removesuffix("s")
    in_a_project = "{project}/members/{id}" in operation.path
    known = {"id": things.ids["member"] if in_a_project else things.ids.get(kind), "project": things.project.slug}
    known |= {"step_pk": things.ids["step"], "artifact_pk": things.ids["artifact"], "number": 1}
    known["name"] = things.ids["secret name"]
    return {parameter.name: known[parameter.name] for parameter in operation.path_parameters}


def cases(operation: Any, standing: Standing) -> st.SearchStrategy[Any]:
    there = existing(operation, standing.mine)
    ways = [operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]
    if there:
        ways += [operation.as_strategy(path_parameters=there)] * 2
    return st.one_of(ways)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)
def test_it_answers_as_the_document_says(standing, operation):
    asked = []

    @HOW
    @given(case=cases(operation, standing))
    def ask(case: Any) -> None:
        who = WHO[len(asked) % len(WHO)]
        headers = {"Authorization": f"Bearer {standing.tokens[who]}"}
        if operation.label in LOOKS_OUTSIDE:
            headers["Idempotency-Key"] = ""
        with undone():
            case.call_and_validate(headers=headers, checks=CHECKED)
        asked.append(who)

    ask()
    assert asked
