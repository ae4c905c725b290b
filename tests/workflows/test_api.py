from __future__ import annotations

import json

import pytest

from tests.workflows.texts import GOOD, INVALID, OTHER, UNREADABLE
from tests.world import make_run
from workflows.actions import create_workflow, release_draft, save_draft
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/workflows"
DOCUMENT = {"steps": [{"key": "only", "uses": "noop"}]}


@pytest.fixture
def erin(world):
    return world.api("erin")


@pytest.fixture
def nightly(world) -> Workflow:
    by = world.actor("erin")
    made = create_workflow(world.acme, name="nightly", description="Counts", tags=["etl"], text=GOOD, by=by)
    release_draft(made, note="First", by=by)
    return made


def fields_of(answer) -> list[str]:
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


def test_it_creates_from_an_object_or_from_text(erin):
    answer = erin.post(ROOT, {"name": "one", "specification": DOCUMENT, "tags": ["etl"]})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["state"], body["current_version"], body["edits"]) == ("one", "draft", None, 0)
    assert (body["specification"], body["tags"], body["project"]) == (DOCUMENT, ["etl"], "acme")
    assert (body["draft"]["format"], body["draft"]["errors"]) == ("json", [])
    answer = erin.post(ROOT, {"name": "two", "specification": GOOD, "project": "acme"})
    assert (answer.status_code, answer.json()["draft"]["text"]) == (201, GOOD)


def test_the_same_idempotency_key_creates_once(erin):
    headers = {"Idempotency-Key": "a"}
    first, second = (erin.post(ROOT, {"name": "one", "specification": DOCUMENT}, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert Workflow.objects.count() == 1


def test_without_a_specification_it_starts_with_one_that_is_valid(erin):
    made = erin.post(ROOT, {"name": "one"}).json()
    assert made["draft"]["errors"] == []
    assert erin.post(f"{ROOT}/{made['id']}/publish", {}).json()["state"] == "released"


def test_the_specification_reads_in_the_order_it_was_typed(erin):
    text = '{"steps": [{"uses": "transform", "key": "a", "with": {"zebra": 1, "ant": 2}}]}'
    made = erin.post(ROOT, {"name": "one", "specification": text}).json()
    step = erin.get(f"{ROOT}/{made['id']}").json()["specification"]["steps"][0]
    assert list(step) == ["uses", "key", "with"]
    assert list(step["with"]) == ["zebra", "ant"]


def test_it_lists_what_the_caller_sees(world, erin, nightly):
    run = make_run(nightly)
    row = erin.get(ROOT).json()["results"][0]
    assert (row["id"], row["current_version"], row["has_draft"]) == (nightly.pk, 1, False)
    assert (row["last_run"]["id"], row["last_run"]["status"]) == (run.pk, "succeeded")
    assert world.api("mallory").get(ROOT).json()["results"] == []


def test_the_list_costs_the_same_whatever_its_length(world, erin, nightly, django_assert_max_num_queries):
    for number in range(20):
        create_workflow(world.acme, name=f"w{number}", text=GOOD, by=world.actor("erin"))
    with django_assert_max_num_queries(5):
        assert len(erin.get(ROOT).json()["results"]) == 21


def test_archived_workflows_show_only_when_asked_for(erin, nightly):
    assert erin.post(f"{ROOT}/{nightly.pk}/archive").json()["state"] == "archived"
    assert erin.get(ROOT).json()["results"] == []
    assert len(erin.get(f"{ROOT}?state=archived").json()["results"]) == 1
    assert erin.delete(f"{ROOT}/{nightly.pk}/archive").json()["state"] == "released"
    assert len(erin.get(ROOT).json()["results"]) == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=night", ["nightly"]),
        ("q=COUNTS", ["nightly"]),
        ("tag=etl", ["nightly"]),
        ("tag=gone", []),
        ("state=draft", ["other"]),
    ],
)
def test_it_filters(world, erin, nightly, query, names):
    create_workflow(world.acme, name="other", text=GOOD, by=world.actor("erin"))
    assert [row["name"] for row in erin.get(f"{ROOT}?{query}").json()["results"]] == names


def test_it_pages_forward_and_back(world, erin):
    for name in "abc":
        create_workflow(world.acme, name=name, text=GOOD, by=world.actor("erin"))
    first = erin.get(f"{ROOT}?limit=2").json()
    second = erin.get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == ["a", "b", "c"]
    assert second["next"] is None
    assert erin.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize("query", ["status=released", "state=gone", "limit=0", "cursor=x", "order=x", "since=x"])
def test_it_refuses_a_query_it_does_not_know(erin, query):
    answer = erin.get(f"{ROOT}?{query}")
    assert (answer.status_code, fields_of(answer)) == (400, [query.partition("=")[0]])


def test_it_changes_details_and_draft(erin, nightly):
    answer = erin.put(f"{ROOT}/{nightly.pk}", {"name": "daily", "tags": [], "specification": OTHER, "edits": 1})
    body = answer.json()
    assert (answer.status_code, body["name"], body["description"], body["tags"]) == (200, "daily", "", [])
    assert (body["draft"]["number"], body["draft"]["text"], body["edits"]) == (2, OTHER, 3)
    assert body["specification"]["params"]["properties"]["days"]["default"] == 7


def test_a_patch_leaves_the_rest(erin, nightly):
    body = erin.patch(f"{ROOT}/{nightly.pk}", {"description": "New"}).json()
    assert (body["name"], body["description"], body["tags"], body["draft"]) == ("nightly", "New", ["etl"], None)


def test_a_change_is_whole_or_not_at_all(erin, nightly):
    answer = erin.patch(f"{ROOT}/{nightly.pk}", {"name": "daily", "specification": "steps: ["})
    assert answer.status_code == 400
    assert Workflow.objects.get().name == "nightly"


def test_a_second_editor_gets_409_and_the_count_to_go_on_with(world, erin, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("alice"))
    answer = erin.patch(f"{ROOT}/{nightly.pk}", {"specification": GOOD, "edits": 1})
    body = answer.json()
    assert (answer.status_code, body["code"], body["edits"]) == (409, "edited_meanwhile", 2)
    assert body["changed_by"] == "alice"


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_text_that_cannot_be_read_is_refused(erin, text):
    answer = erin.post(ROOT, {"name": "one", "specification": text})
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(("text", "field", "line"), INVALID.values(), ids=INVALID)
def test_faults_are_named_with_field_and_line(world, erin, text, field, line):
    made = erin.post(ROOT, {"name": "one", "specification": text}).json()
    assert (field, line) in [(error["field"], error["line"]) for error in made["draft"]["errors"]]
    for path in (f"{ROOT}/{made['id']}/validate", f"{ROOT}/validate"):
        verdict = erin.post(path, {"specification": text}).json()
        assert verdict["valid"] is False
        assert (field, line) in [(error["field"], error["line"]) for error in verdict["errors"]]
    answer = erin.post(f"{ROOT}/{made['id']}/publish", {})
    assert answer.status_code == 400
    assert field in fields_of(answer)


def test_it_checks_without_saving(erin, nightly):
    assert erin.post(f"{ROOT}/{nightly.pk}/validate", {}).json() == {"valid": True, "errors": []}
    assert erin.post(f"{ROOT}/validate", {"specification": GOOD}).json()["valid"] is True
    assert Workflow.objects.get().edits == 1


def test_it_publishes_and_shows_every_version(erin, nightly):
    erin.patch(f"{ROOT}/{nightly.pk}", {"specification": OTHER})
    body = erin.post(f"{ROOT}/{nightly.pk}/publish", {"note": "Two weeks"}).json()
    assert (body["current_version"], body["draft"]) == (2, None)
    rows = erin.get(f"{ROOT}/{nightly.pk}/versions").json()["results"]
    assert [(row["number"], row["state"], row["note"]) for row in rows] == [
        (2, "released", "Two weeks"),
        (1, "retired", "First"),
    ]
    assert erin.get(f"{ROOT}/{nightly.pk}/versions/1").json()["text"] == GOOD
    assert erin.get(f"{ROOT}/{nightly.pk}/versions/3").status_code == 404
    page = erin.get(f"{ROOT}/{nightly.pk}/versions?limit=1").json()
    assert [row["number"] for row in erin.get(page["next"]).json()["results"]] == [1]


def test_there_must_be_a_draft_to_publish(erin, nightly):
    answer = erin.post(f"{ROOT}/{nightly.pk}/publish", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")


def test_it_tells_what_changed(erin, nightly):
    erin.patch(f"{ROOT}/{nightly.pk}", {"specification": OTHER})
    body = erin.get(f"{ROOT}/{nightly.pk}/diff").json()
    change = {"kind": "changed", "path": "params.properties.days.default", "old": 7, "new": 14}
    assert body == {"from": 1, "to": 2, "changes": [change]}
    assert erin.get(f"{ROOT}/{nightly.pk}/diff?from=2&to=1").json()["changes"][0]["new"] == 7
    for query in ("from=9", "from=x", f"to={'9' * 30}", "from=%00"):
        assert erin.get(f"{ROOT}/{nightly.pk}/diff?{query}").status_code == 404


def test_it_discards_and_restores(erin, nightly):
    path = f"{ROOT}/{nightly.pk}"
    erin.patch(path, {"specification": OTHER})
    assert erin.post(f"{path}/versions/1/restore").status_code == 409
    assert erin.delete(f"{path}/draft").status_code == 204
    assert erin.delete(f"{path}/draft").status_code == 409
    answer = erin.post(f"{path}/versions/1/restore")
    assert (answer.status_code, answer.json()["number"], answer.json()["text"]) == (201, 2, GOOD)


def test_it_duplicates(erin, nightly):
    answer = erin.post(f"{ROOT}/{nightly.pk}/copies", {"name": "copy"})
    assert (answer.status_code, answer.json()["draft"]["text"]) == (201, GOOD)
    answer = erin.post(f"{ROOT}/{nightly.pk}/copies", {"name": "copy"})
    assert (answer.status_code, fields_of(answer)) == (409, ["name"])


def test_it_deletes_runs_only_when_confirmed(world, erin, nightly):
    make_run(nightly)
    assert erin.delete(f"{ROOT}/{nightly.pk}").status_code == 403
    alice = world.api("alice")
    answer = alice.delete(f"{ROOT}/{nightly.pk}")
    assert (answer.status_code, answer.json()["code"], answer.json()["runs"]) == (409, "needs_confirmation", 1)
    assert alice.delete(f"{ROOT}/{nightly.pk}?confirm=nightly").status_code == 204
    assert alice.get(f"{ROOT}/{nightly.pk}").status_code == 404


CALLS = [
    ("get", ""),
    ("put", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "/publish"),
    ("post", "/validate"),
    ("post", "/archive"),
    ("delete", "/archive"),
    ("post", "/copies"),
    ("delete", "/draft"),
    ("get", "/diff"),
    ("get", "/versions"),
    ("get", "/versions/1"),
    ("post", "/versions/1/restore"),
]
BODY = {"name": "x", "specification": DOCUMENT}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_what_is_not_yours_is_not_found(world, nightly, method, path):
    sent = [] if method == "get" else [BODY]
    answer = getattr(world.api("mallory"), method)(f"{ROOT}/{nightly.pk}{path}", *sent)
    assert answer.status_code == 404


WRITES = [call for call in CALLS if call[0] != "get" and call[1] != "/validate"]
SMALL_BODIES = {"/publish": {}, "/copies": {"name": "copy"}, "": BODY}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_viewer_changes_nothing(world, nightly, method, path):
    answer = getattr(world.api("vera"), method)(f"{ROOT}/{nightly.pk}{path}", SMALL_BODIES.get(path))
    assert answer.status_code == 403
    assert Workflow.objects.get().name == "nightly"


def test_who_is_in_several_projects_names_one(world, nightly):
    world.acme.members.create(user=world.mallory, role="editor")
    client = world.client("mallory")
    make = {"name": "one", "specification": DOCUMENT}
    answer = client.post(ROOT, make, content_type="application/json")
    assert (answer.status_code, fields_of(answer)) == (400, ["project"])
    for given in ("globex", world.globex.pk, str(world.globex.pk)):
        body = {**make, "project": given, "name": f"one-{type(given).__name__}-{str(given)[:1]}"}
        assert client.post(ROOT, body, content_type="application/json").json()["project"] == "globex"


def test_a_project_out_of_reach_is_not_found(erin, world):
    answer = erin.post(ROOT, {"name": "one", "project": "globex", "specification": DOCUMENT})
    assert answer.status_code == 404


BAD_BODIES = {
    "not json": "{",
    "a list": "[]",
    "a word": '"x"',
    "null": "null",
    "nothing": "",
    "unknown field": '{"name": "x", "specfication": {}}',
    "numbers": '{"name": 1.5, "specification": 3, "tags": 4, "note": [], "edits": "x"}',
    "nested": '{"name": {"a": 1}, "specification": [[]], "note": {}}',
    "nul": '{"name": "a\\u0000", "specification": {}, "note": "\\u0000"}',
    "surrogate": '{"name": "\\ud800", "specification": {"a": "\\ud800"}, "note": "\\ud800"}',
    "deep": "[" * 100_000,
    "deep object": '{"name": "x", "specification": ' + '{"a":' * 900 + "1" + "}" * 900 + "}",
    "huge number": '{"name": "x", "note": "x", "edits": ' + "9" * 400 + ', "specification": {"a": 1e999}}',
    "wrong encoding": b'\xff\xfe{"name": "x"}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize(
    ("method", "path"), [("post", ""), ("put", "/ID"), ("patch", "/ID"), ("post", "/ID/copies"), ("post", "/validate")]
)
def test_a_malformed_body_is_refused(erin, nightly, method, path, body):
    path = ROOT + path.replace("ID", str(nightly.pk))
    answer = erin.generic(method.upper(), path, body, content_type="application/json")
    if answer.status_code == 200:
        # A patch without anything, or a check that says no, changes nothing.
        assert method == "patch" or answer.json()["valid"] is False
    else:
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert json.loads(answer.content)["detail"]
    assert list(Workflow.objects.values_list("name", "edits")) == [("nightly", 1)]


def test_a_draft_that_could_never_end_is_not_tried(world):
    api = world.api("erin")
    circle = {"steps": [{"key": "a", "uses": "noop", "needs": ["b"]}, {"key": "b", "uses": "noop", "needs": ["a"]}]}
    for specification in (circle, {"steps": 5}, {}):
        made = api.post(ROOT, {"name": f"w{len(str(specification))}", "specification": specification}).json()
        answer = api.post(f"{ROOT}/{made['id']}/test")
        assert answer.status_code == 400
        assert answer.json()["errors"]
        assert world.client("erin").get(f"/p/acme/runs/new?workflow={made['id']}&draft=1").status_code == 400
