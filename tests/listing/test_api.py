"""The base of the JSON API, through the runs' endpoint."""

from __future__ import annotations

import json
import time
from io import BytesIO

import pytest
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from controlplane.projects.models import Member
from controlplane.projects.requests.parsing import StrictJSONParser
from tests.world import make_run, make_runs, make_workflow

pytestmark = pytest.mark.django_db


def test_pages_follow_each_other_both_ways(world):
    runs = make_runs(make_workflow(world.acme), 5)
    api = world.api("vera")
    first = api.get("/api/v1/runs?limit=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    ids = [run["id"] for page in (first, second, third) for run in page["results"]]
    assert ids == [run.pk for run in reversed(runs)]
    assert (first["previous"], third["next"]) == (None, None)
    assert api.get(third["previous"]).json()["results"] == second["results"]


@pytest.mark.parametrize("address", ["/api/v1/runs", "/api/v1/runs/"])
def test_the_slash_at_the_end_is_optional(world, address):
    assert world.api("vera").get(address).json() == {"results": [], "next": None, "previous": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=failed", "state"),
        ("status=nope", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=00000000011999999", "limit"),
        (f"limit=1{'0' * 5000}", "limit"),
        (f"limit={'0' * 5000}1", "limit"),
        ("limit=٣", "limit"),
        ("cursor=x", "cursor"),
        ("order=cost", "order"),
        ("since=soon", "since"),
        ("q=%00", "q"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(world, query, field):
    answer = world.api("vera").get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_every_answer_tells_the_rate(world):
    answer = world.api("vera").get("/api/v1/runs")
    assert int(answer["RateLimit-Remaining"]) < int(answer["RateLimit-Limit"])
    assert 0 < int(answer["RateLimit-Reset"]) <= 60


def test_a_person_in_two_projects_sees_both_or_the_one_named(world):
    Member.objects.create(project=world.globex, user=world.bob, role="viewer")
    ours, theirs = make_run(make_workflow(world.acme)), make_run(make_workflow(world.globex))
    api = APIClient()
    api.force_login(world.bob)
    assert ids(api.get("/api/v1/runs")) == {ours.pk, theirs.pk}
    assert ids(api.get("/api/v1/runs?project=globex")) == {theirs.pk}
    assert ids(api.get(f"/api/v1/runs?project={world.acme.pk}")) == {ours.pk}


@pytest.mark.parametrize("project", ["globex", "nowhere", "99999999999999999999", "%00"])
def test_a_project_out_of_reach_is_not_found(world, project):
    answer = world.api("bob").get(f"/api/v1/runs?project={project}")
    assert answer.status_code == 404


def test_strangers_rows_are_not_there(world):
    make_run(make_workflow(world.acme))
    assert ids(world.api("mallory").get("/api/v1/runs")) == set()
    assert APIClient().get("/api/v1/runs").status_code == 401


@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_rows(world, count, django_assert_num_queries):
    make_runs(make_workflow(world.acme), count, tags=["a"])
    api = world.api("vera")
    api.get("/api/v1/runs")
    with django_assert_num_queries(3):  # the token, the ids, the rows
        api.get("/api/v1/runs")


def ids(answer) -> set[int]:
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


@pytest.mark.parametrize(
    "sent",
    [
        b"{", b"[" * 100_000, b'{"name": "\\u0000"}', b'{"name": "\\ud800"}', b'{"name": NaN}', b"\xff\xfe",
        b'{"a":' * 101 + b"1" + b"}" * 101, b'{"name": 1e99999}', b'{"' + b"9" * 5000 + b'": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_kept_is_refused(world, sent):
    answer = world.api("bob").post("/api/v1/runs", sent, content_type="application/json")
    assert answer.status_code in (400, 405)  # 405 until runs are started here


def test_escaped_pairs_and_backslashes_are_text_like_any_other():
    text = b'{"a": "\\ud83d\\ude00", "b": "\\\\u0000"}'
    assert StrictJSONParser().parse(BytesIO(text)) == json.loads(text)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("runs?wrong=1", "wrong"),
        ("tokens?wrong=1", "wrong"),
        ("runs.csv?columns=id,wrong", "columns"),
        ("runs.csv?limit=1", "limit"),
    ],
)
def test_it_refuses_parameters_it_does_not_know(world, path, field):
    answer = world.api("bob").get(f"/api/v1/{path}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ('{"a": 1, "a": 2}', "“a” stands twice"),
        ('{"a": 1e999}', "too large a number"),
        ("[" * 101 + "]" * 101, "100 levels"),
    ],
)
def test_it_refuses_json_that_means_nothing_certain(world, sent, said):
    answer = world.api("bob").post("/api/v1/runs", sent, content_type="application/json")
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_field_that_stands_twice_is_found_at_once():
    names = [*(f"a{number}" for number in range(20_000)), "a19999"]
    body = "{" + ", ".join(f'"{name}": 1' for name in names) + "}"
    began = time.process_time()
    with pytest.raises(ParseError, match="“a19999” stands twice"):
        StrictJSONParser().parse(BytesIO(body.encode()))
    assert time.process_time() - began < 1


def test_every_operation_is_described_once_with_its_refusals_and_its_sign_in(world):
    schema = world.api("bob").get("/api/v1/schema?format=json").json()
    operations = [
        operation
        for methods in schema["paths"].values()
        for name, operation in methods.items()
        if name in ("get", "post", "put", "patch", "delete")
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) > 70
    assert set(schema["components"]["securitySchemes"]) == {"token", "jwt", "session"}
    assert all("default" in operation["responses"] for operation in operations)
    runs = schema["paths"]["/api/v1/runs"]["get"]
    assert {"status", "since", "cursor", "order"} <= {parameter["name"] for parameter in runs["parameters"]}
    page = runs["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(page["properties"]) == {"results", "next", "previous"}
