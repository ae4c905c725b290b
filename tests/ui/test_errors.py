"""A refusal in the form its reader can use."""

from __future__ import annotations

import json

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxMiddleware

from controlplane.domain.errors import ActionRefused, FieldError, InvalidInput, ProblemError, Unavailable
from controlplane.ui.errors import problem_response

REFUSED = ActionRefused("This run is succeeded, so it cannot become stopping.")


def answer(problem: ProblemError, path: str = "/p/acme/", **headers: str) -> HttpResponse:
    request = RequestFactory().get(path, headers=headers)
    return HtmxMiddleware(lambda request: problem_response(request, problem))(request)


def test_a_person_gets_a_page_with_the_reason_and_a_way_on() -> None:
    response = answer(REFUSED, accept="text/html")
    assert response.status_code == 409
    assert b"cannot become stopping" in response.content
    assert b'href="/"' in response.content


def test_htmx_gets_a_toast_and_nothing_to_swap() -> None:
    response = answer(REFUSED, **{"HX-Request": "true"})
    assert response.status_code == 409
    assert response.content == b""
    assert json.loads(response["HX-Trigger"]) == {"toast": {"message": REFUSED.detail, "tone": "danger"}}


def test_a_script_gets_problem_json() -> None:
    problem = InvalidInput("No.", errors=[FieldError("steps[0].uses", "There is no such tool.", line=3)])
    response = answer(problem, "/api/v1/runs", accept="text/html")
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["errors"][0]["field"] == "steps[0].uses"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 429, 500, 503])
def test_every_status_has_a_page(status: int) -> None:
    problem = ProblemError("Because <b>.")
    problem.status = status
    response = answer(problem, accept="text/html")
    assert response.status_code == status
    assert b"Because &lt;b&gt;." in response.content


def test_what_passes_says_when_to_come_back() -> None:
    assert answer(Unavailable("Away."))["Retry-After"] == "5"


def test_an_unknown_page_is_a_404_in_the_portals_look() -> None:
    response = Client().get("/no/such/page/")
    assert response.status_code == 404
    assert b"narrow__card" in response.content


def test_a_stale_form_says_to_reload(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert b"Reload the page" in response.content
