"""A refusal in the form its reader can use."""

from __future__ import annotations

import json

import pytest
from django.db import ConnectionHandler, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxMiddleware

from controlplane.domain.errors import ActionRefused, FieldError, InvalidInput, ProblemError, Unavailable
from controlplane.projects.requests.middleware import ProblemMiddleware
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


def test_htmx_gets_a_retry_for_what_may_pass() -> None:
    response = answer(Unavailable("Away."), **{"HX-Request": "true"})
    assert json.loads(response["HX-Trigger"])["toast"] == {"message": "Away.", "tone": "danger", "retry": True}


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


def test_a_page_leads_back_to_where_one_was() -> None:
    response = answer(REFUSED, accept="text/html", referer="http://testserver/p/acme/runs/?q=1")
    assert b'href="/p/acme/runs/?q=1"' in response.content


@pytest.mark.parametrize("referer", ["https://elsewhere.example/p/acme/", "javascript:alert(1)", "//elsewhere.example"])
def test_it_never_leads_back_to_another_site(referer: str) -> None:
    response = answer(REFUSED, accept="text/html", referer=referer)
    assert b"Back to where you were" not in response.content


@pytest.mark.parametrize("path", ["//elsewhere.example/p/acme/", "/p/acme/settings/invitations", "/no/such/page/"])
def test_it_leads_back_to_no_address_that_is_no_page(path: str) -> None:
    response = answer(REFUSED, accept="text/html", referer=f"http://testserver{path}")
    assert b"Back to where you were" not in response.content


def test_trying_again_is_offered_where_it_may_help() -> None:
    assert b"Try again" in answer(Unavailable("Away."), accept="text/html").content
    assert b"Try again" not in answer(REFUSED, accept="text/html").content


def asks_for_long(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)")
    return HttpResponse()


def cannot_connect(request: HttpRequest) -> HttpResponse:
    nowhere = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}}
    ConnectionHandler({"default": nowhere})["default"].ensure_connection()
    return HttpResponse()


@pytest.mark.parametrize(("view", "said"), [(asks_for_long, "too busy"), (cannot_connect, "does not answer")])
def test_a_database_that_refused_is_told_from_one_that_is_away(view, said: str, db: None) -> None:
    response = ProblemMiddleware(view)(RequestFactory().get("/api/v1/runs"))
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert said in json.loads(response.content)["detail"]


@pytest.mark.parametrize("path", ["/p/acme/no/such/page/", "/p/acme/runs/999999/"])
def test_an_unknown_page_of_a_project_keeps_its_sidebar(path: str, world) -> None:
    response = world.client("vera").get(path)
    assert response.status_code == 404
    assert 'class="sidebar"' in (html := response.content.decode())
    assert 'href="/p/acme/"' in html


@pytest.mark.parametrize("who", ["mallory", None])
def test_others_learn_nothing_of_a_project_from_its_missing_pages(who: str | None, world) -> None:
    response = world.client(who).get("/p/acme/no/such/page/")
    assert response.status_code == 404
    assert b'class="sidebar"' not in response.content
    assert b"Acme" not in response.content


def test_a_refusal_in_a_project_keeps_its_sidebar(world) -> None:
    response = world.client("vera").get("/p/acme/runs/new")
    assert response.status_code == 403
    assert b'class="sidebar"' in response.content


def test_a_page_that_cannot_ask_the_database_stands_alone(world) -> None:
    request = RequestFactory().get("/p/acme/", headers={"accept": "text/html"})
    request.project, request.member = world.acme, None
    for problem in (Unavailable("Away."), REFUSED):
        assert b'class="sidebar"' not in problem_response(request, problem).content


def test_htmx_of_somebody_signed_out_gets_a_way_in_and_nothing_to_swap(world) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/p/acme/runs/?q=1"}
    response = world.client().get("/p/acme/runs/", headers=headers)
    assert (response.status_code, response.content) == (401, b"")
    toast = json.loads(response["HX-Trigger"])["toast"]
    assert toast["retry"]
    assert toast["url"] == "/accounts/login/?next=/p/acme/runs/%3Fq%3D1"


def test_an_unknown_page_is_a_404_in_the_portals_look() -> None:
    response = Client().get("/no/such/page/")
    assert response.status_code == 404
    assert b"narrow__card" in response.content


def test_a_stale_form_says_to_reload(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert b"Reload the page" in response.content
