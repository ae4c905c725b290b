from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import include, path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.test import APIClient

from controlplane.api import exception_handler
from controlplane.domain.errors import ActionRefused
from controlplane.projects.models import ApiToken, IdempotencyKey
from controlplane.projects.requests.endpoints import Endpoint, StrictSerializer, body
from controlplane.projects.requests.idempotency import KEPT, forget_old_answers, idempotent
from controlplane.projects.requests.routes import endpoint
from tests.projects.test_secrets import new_key
from workflows.models import Workflow

assert exception_handler  # the errors below are rendered by it
SECRET = {"name": "API_KEY", "value": "hush hush"}
failures: list[Exception] = []


class NewThing(StrictSerializer):
    project = serializers.CharField(required=False)
    name = serializers.CharField()


class Things(Endpoint):
    """Makes workflows, once slowly enough for twins to meet."""

    serializer_class = NewThing

    @idempotent
    def post(self, request):
        sent = body(NewThing, request)
        made = Workflow.objects.create(project=self.project(sent.get("project")), name=sent["name"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05)")
        if failures:
            raise failures.pop()
        return Response({"id": made.pk, "name": made.name, "at": timezone.now()}, status=201)


urlpatterns = [
    path("api/v1/", include([endpoint("things", Things.as_view(), "things")])),
    path("", include("controlplane.urls")),
]
pytestmark = [pytest.mark.urls("tests.projects.test_idempotency"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def no_failures():
    failures.clear()


def send(client: APIClient, key: str | None = "k1", **sent):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/things", sent or {"name": "one"}, format="json", headers=headers)


def test_the_same_key_makes_one_thing_and_gives_the_same_answer(world):
    api = world.api("bob")
    first, second = send(api), send(api)
    assert (first.status_code, second.status_code) == (201, 201)
    assert json.loads(first.content) == json.loads(second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Workflow.objects.count() == 1


def test_eight_calls_at_once_make_one_thing(world):
    token = world.token("bob")

    def call(_) -> tuple[int, object]:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        try:
            answer = send(client)
            return answer.status_code, json.loads(answer.content)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(call, range(8)))
    assert answers == [answers[0]] * 8
    assert answers[0][0] == 201
    assert Workflow.objects.count() == 1


def test_another_body_under_the_same_key_is_refused(world):
    api = world.api("bob")
    send(api)
    answer = send(api, name="two")
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_mismatch"
    assert Workflow.objects.count() == 1


def test_the_order_of_the_fields_does_not_matter(world):
    api = world.api("bob")
    bodies = ['{"name": "x", "project": "acme"}', '{"project": "acme", "name": "x"}']
    one, two = [
        api.post(address, sent, content_type="application/json", headers={"Idempotency-Key": "k"})
        for address, sent in zip(["/api/v1/things", "/api/v1/things/"], bodies, strict=True)
    ]
    assert one.status_code == 201
    assert one.json() == two.json()


@pytest.mark.parametrize("failure", [ActionRefused("Not now."), RuntimeError("crash")])
def test_a_failed_attempt_leaves_the_key_free(world, failure):
    api = world.api("bob")
    api.raise_request_exception = False
    failures.append(failure)
    assert send(api).status_code in (409, 500)
    assert not IdempotencyKey.objects.exists()
    assert not Workflow.objects.exists()
    assert send(api).status_code == 201


def test_a_refused_body_leaves_the_key_free(world):
    api = world.api("bob")
    assert send(api, nome="typo").status_code == 400
    assert send(api, name="one").status_code == 201


def test_keys_of_different_callers_do_not_meet(world):
    one, other = send(world.api("bob"), name="bobs").json(), send(world.api("erin"), name="erins").json()
    assert (one["name"], other["name"]) == ("bobs", "erins")


def test_without_a_key_each_call_makes_one(world):
    api = world.api("bob")
    assert send(api, None, name="a").status_code == send(api, None, name="b").status_code == 201
    assert not IdempotencyKey.objects.exists()


def test_a_key_that_is_too_long_is_refused(world):
    answer = send(world.api("bob"), "k" * 201)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_old_answers_are_forgotten_and_younger_ones_kept(world):
    api = world.api("bob")
    send(api, "old"), send(api, "young", name="two")
    IdempotencyKey.objects.filter(key="old").update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert forget_old_answers(timezone.now()) == 1
    assert IdempotencyKey.objects.get().key == "young"


def test_a_key_that_is_older_than_answers_are_kept_makes_a_new_thing(world):
    api = world.api("bob")
    first = send(api, "old")
    IdempotencyKey.objects.update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    Workflow.objects.all().delete()
    second = send(api, "old")
    assert (second.status_code, "Idempotent-Replayed" in second.headers) == (201, False)
    assert second.json()["id"] != first.json()["id"]


def person(world, name: str) -> APIClient:
    client = APIClient()
    client.force_login(world.people[name])
    return client


def test_a_project_is_made_once(world):
    world.alice.is_superuser = True
    world.alice.save()
    api = person(world, "alice")
    first, second = [
        api.post("/api/v1/projects", {"slug": "lab", "name": "Lab"}, headers={"Idempotency-Key": "lab"}) for _ in "ab"
    ]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"


def test_a_repeated_token_is_the_same_and_kept_sealed(world):
    first, second = [
        person(world, "alice").post("/api/v1/tokens", {"name": "nightly"}, headers={"Idempotency-Key": "t"})
        for _ in "ab"
    ]
    assert first.json() == second.json()
    assert second["Cache-Control"] == "no-store"
    assert first.json()["token"] not in json.dumps(IdempotencyKey.objects.get().body)


def test_an_answer_whose_key_is_gone_is_a_conflict_and_makes_nothing_new(world, settings):
    def ask():
        return person(world, "alice").post("/api/v1/tokens", {"name": "nightly"}, headers={"Idempotency-Key": "t"})

    assert ask().status_code == 201
    settings.SECRETS_KEYS = [new_key("next")]
    assert ask().status_code == 409
    assert ApiToken.objects.filter(name="nightly").count() == 1


def test_a_repeated_member_and_secret_are_made_once(world):
    api = person(world, "alice")
    for address, sent in (("projects/acme/members", {"user": "mallory", "role": "viewer"}), ("secrets", SECRET)):
        answers = [api.post(f"/api/v1/{address}", sent, headers={"Idempotency-Key": address}) for _ in "ab"]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
