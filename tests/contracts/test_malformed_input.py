"""Whatever is sent, wherever: a refusal that says what is wrong, never a fault, and nothing half written."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from runs.models import Run
from tests.contracts.addresses import address
from tests.contracts.permissions import CLOSED, PUBLIC, ROUTES
from tests.contracts.subjects import Standing, body_of, in_address
from tests.undoing import undone

pytestmark = pytest.mark.django_db

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WRITES = [(name, method) for name, route in ROUTES.items() for method in route.levels if method != "GET"]
API_WRITES = [(name, method) for name, method in WRITES if name.startswith("api:")]
PAGE_WRITES = [(name, method) for name, method in WRITES if not name.startswith("api:")]
READS = [name for name, route in ROUTES.items() if "GET" in route.levels]
NUL, HALF = "\x00", "\ud800"
HALVES = r'{"\ud800": "\ud800", "a": [{"\u0000": "\udfff"}]}'
DEEP = "[" * 200 + "]" * 200
VERY_DEEP = "[" * 100_000
NOT_JSON = {
    "open": b"{",
    "text": b"hello",
    "bytes": b"\xff\xfe\x00",
    "nan": b'{"name": NaN}',
    "infinite": b'{"name": 1e999}',
    "deep": DEEP.encode(),
    "very deep": VERY_DEEP.encode(),
    "half a character": rb'{"name": "\ud800"}',
    "nul": rb'{"name": "a\u0000b"}',
    "nul as a name": rb'{"\u0000": 1}',
    "half a character as a name": rb'{"\ud800": 1}',
    "half a character as a name deep down": rb'{"inputs": [{"a": {"\udfff": 1}}]}',
    "half a character as a name twice": rb'{"\ud800": 1, "\ud800": 2}',
    "half a character in bytes": b'{"name": "\xed\xa0\x80"}',
    "half a character as a name in bytes": b'{"\xed\xa0\x80": 1}',
    "utf-16": r'{"name": "a\u0000b", "\ud800": 1}'.encode("utf-16"),
    "long number": b'{"name": ' + b"9" * 5000 + b"}",
    "twice": b'{"name": "a", "name": 2}',
}
NO_OBJECT: list[Any] = [None, [], [1], "text", 7, True]
# One of each kind of wrong value for any field.
WRONG: list[Any] = [
    *(None, True, -1, 1.5, 2**63, 10**40, "", " ", "x" * 70_000, "a\u202eb🦄", "${{ secrets.x }}", "9" * 30),
    *([], [[]], [None], {}, {"a": {"b": []}}, ["a"] * 300),
]
WRONG_TEXTS = [
    *(NUL, f"a{NUL}b", "\n", "\ufeff", "x" * 70_000, "-1", "9" * 30, "1e5", "٣", "²", "null", "[]", "{", DEEP),
    *("🦄", "a\u202eb", "2026-02-30", "9999-12-31T23:59:60Z", "-99999999999d", "%00", "on", "true"),
]
IN_ADDRESSES = ["%00", "%ff%fe", "%ED%A0%80", "-1", "0", "9" * 18, "9" * 19, "9" * 40, quote("🦄"), "a" * 3000]
IN_ADDRESSES += [quote("٣"), quote("²"), "1,2,,3", "%5B%5D", "-24h", "-99999999999d", "today", "2026-02-30", "x%0Ay"]
IN_ADDRESSES += [quote(HALVES)]
PARAMETERS_OF_ONE = ("after", "before", "limit", "level", "search", "step", "from", "to", "version", "draft", "confirm")
PARAMETERS = (
    *PARAMETERS_OF_ONE,
    *("cursor", "order", "project", "columns", "export", "q", "view", "unknown", "format", "window", "as_json"),
    *("status", "workflow", "agent", "environment", "trigger", "tag", "since", "until", "kind", "enabled", "state"),
)
# What some form reads beside its own fields.
ALSO_IN_FORMS = ("selected", "all_matching", "frozen", "then", "edits", "overwrite", "note", "input", "tags")


def status_of(client: Client, method: str, url: str, sent: Any = None, content_type: str = JSON, **more: Any) -> int:
    """What is answered; and then nothing of what it did."""
    return answer_of(client, method, url, sent, content_type, **more).status_code


def answer_of(client: Client, method: str, url: str, sent: Any, content_type: str, **more: Any) -> HttpResponse:
    with undone():
        data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        answer = client.generic(method, url, b"" if sent is None else data, content_type=content_type, **more)
    return answer


def asked(standing: Standing, name: str, method: str) -> tuple[Client, str]:
    return standing.client("root"), address(name, standing.mine, method=method)


def some_of(values: list[Any], number: int, part: int = 3) -> list[Any]:
    """One in `part`, others for each number: all of them meet something, not everything."""
    return values[number % part :: part]


def faults(answers: dict[Any, int]) -> dict[Any, int]:
    return {what: status for what, status in answers.items() if status >= 500}


@pytest.mark.parametrize(("name", "method"), API_WRITES)
def test_what_is_not_json_is_refused(standing, name, method):
    """`twice` and a body where none is needed may pass: JSON allows the one, and nobody reads the other."""
    client, url = asked(standing, name, method)
    chosen = some_of(list(NOT_JSON.items()), API_WRITES.index((name, method)), 2)
    answers = {what: status_of(client, method, url, sent) for what, sent in chosen}
    assert faults(answers) == {}
    if body_of(standing.mine, name, method) and ROUTES[name].levels[method] not in (PUBLIC, CLOSED):
        wrong = {what: status for what, status in answers.items() if status != 400 and what != "twice"}
        assert wrong == {}


@pytest.mark.parametrize(("name", "method"), API_WRITES)
def test_what_is_no_object_is_refused(standing, name, method):
    client, url = asked(standing, name, method)
    answers = {repr(sent): status_of(client, method, url, sent) for sent in NO_OBJECT[1:]}
    assert faults(answers) == {}
    if body_of(standing.mine, name, method):
        assert set(answers.values()) <= {400, 403}, answers


@pytest.mark.parametrize(("name", "method"), [write for write in API_WRITES if write[1] != "DELETE"])
def test_a_wrong_value_of_a_field_is_no_fault(standing, name, method):
    client, url = asked(standing, name, method)
    good = body_of(standing.mine, name, method)
    fields = {*good, *MORE_FIELDS.get(name, ())}
    answers = {
        (field, repr(value)[:40]): status_of(client, method, url, {**good, field: value})
        for number, field in enumerate(sorted(fields))
        for value in some_of(WRONG, number + API_WRITES.index((name, method)))
    }
    assert faults(answers) == {}


MORE_FIELDS = {
    "api:runs": ("inputs", "environment", "agent", "tags", "trigger"),
    "api:workflow_test": ("inputs", "environment", "agent", "tags"),
    "api:run_cancel": ("reason",),
    "api:run_pause": ("reason",),
    "api:step_review": ("output", "note"),
    "api:workflows": ("description", "tags", "specification"),
    "api:workflow": ("description", "tags", "specification", "edits"),
    "api:workflow_publish": ("note", "edits"),
    "api:tools": ("description", "tags", "enabled", "max_concurrent", "timeout_seconds", "input_schema", "cost_usd"),
    "api:tool": ("tags", "config", "input_schema", "output_schema", "idempotent", "cost_usd", "version_no", "project"),
    "api:agents": ("description", "tags", "enabled", "max_concurrent", "timeout_seconds", "idempotent"),
    "api:agent": ("tags", "config", "kind", "version_no", "max_concurrent"),
    "api:instances": ("tags", "max_concurrent", "timeout_seconds"),
    "api:instance": ("url", "engine", "tags", "version_no"),
    "api:projects": ("time_zone",),
    "api:project": ("time_zone",),
    "api:auth_token": ("username", "password", "code"),
    "api:auth_refresh": ("refresh",),
    "api:auth_sign_out": ("refresh",),
}


@pytest.mark.parametrize(("name", "method"), API_WRITES)
def test_an_unknown_field_is_named(standing, name, method):
    good = body_of(standing.mine, name, method)
    if not good:
        pytest.skip("takes no body")
    client, url = asked(standing, name, method)
    answer = answer_of(client, method, url, {**good, "misspelt": 1}, JSON)
    assert answer.status_code == 400
    assert "misspelt" in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(("name", "method"), PAGE_WRITES)
def test_a_form_of_garbage_is_no_fault(standing, name, method):
    client, url = asked(standing, name, method)
    good = body_of(standing.mine, name, method)
    answers = {}
    for number, field in enumerate(sorted({*good, *ALSO_IN_FORMS}), start=PAGE_WRITES.index((name, method))):
        for value in some_of(WRONG_TEXTS, number, 4 if field in good else len(WRONG_TEXTS)):
            with undone():
                answers[field, value[:30]] = client.post(url, {**good, field: value}).status_code
    assert faults(answers) == {}


@pytest.mark.parametrize(("name", "method"), PAGE_WRITES)
def test_half_a_character_in_the_json_of_a_form_is_no_fault(standing, name, method):
    client, url = asked(standing, name, method)
    good = body_of(standing.mine, name, method)
    answers = {}
    for sent in (dict.fromkeys(ALSO_IN_FORMS, HALVES), *({**good, field: HALVES} for field in good)):
        with undone():
            answers[repr(sent)[:60]] = client.post(url, {**good, **sent}).status_code
    assert faults(answers) == {}


@pytest.mark.parametrize(("name", "method"), API_WRITES)
def test_what_is_not_json_is_no_fault_signed_out(standing, name, method):
    client, url = standing.client("anonymous"), address(name, standing.mine, method=method)
    chosen = some_of(list(NOT_JSON.items()), API_WRITES.index((name, method)), 6)
    answers = {what: status_of(client, method, url, sent) for what, sent in chosen}
    assert faults(answers) == {}


OF_A_RUN = [(name, method) for name, found in ROUTES.items() if "run" in found.subject for method in found.levels]


@pytest.mark.parametrize(("name", "method"), OF_A_RUN)
@pytest.mark.parametrize("status", ["running", "succeeded"])
def test_a_run_that_was_only_reported_is_no_fault(standing, name, method, status):
    client, mine = standing.client("root"), standing.mine
    with undone():
        Run.objects.filter(pk=mine.ids["task"]).update(**STANDS[status])
        reported = {**in_address(mine, ROUTES[name].subject), "pk": mine.ids["task"]}
        url = address(name, mine, reported, method=method)
        for sent in (body_of(mine, name, method), {}):
            answer = answer_of(client, method, url, sent, JSON) if name.startswith("api:") else page(client, url, sent)
            assert answer.status_code < 500


STANDS: dict[str, dict[str, Any]] = {"running": {}, "succeeded": {"state": "succeeded", "ended_at": timezone.now()}}


def page(client: Client, url: str, sent: dict[str, Any]) -> HttpResponse:
    return client.post(url, sent) if sent else client.get(url)


A_FILE = b'--x\r\nContent-Disposition: form-data; name="text"; filename="a"\r\n\r\nx\r\n--x--'
BROKEN_FORMS = [
    (b"\xff=\xfe&a=%ff", FORM),
    (b"a&" * 2000, FORM),
    (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
    (b"x", "multipart/form-data"),
    (A_FILE, "multipart/form-data; boundary=x"),
    (b"{}", JSON),
    (b"x=1", "text/plain; charset=nonsense"),
    (b"x=1", f"{FORM}; charset=utf-7"),
    (b"x=1", "nonsense"),
]


@pytest.mark.parametrize(("name", "method"), WRITES)
def test_a_broken_body_of_any_type_is_no_fault(standing, name, method):
    client, url = asked(standing, name, method)
    chosen = some_of(BROKEN_FORMS, WRITES.index((name, method)))
    answers = {repr(sent)[:40] + type: status_of(client, method, url, sent, type) for sent, type in chosen}
    assert faults(answers) == {}


@pytest.mark.parametrize("name", READS)
def test_a_query_of_garbage_is_no_fault(standing, name):
    client, url = asked(standing, name, "GET")
    joined = f"{url}&" if "?" in url else f"{url}?"
    if name in ("api:schema", "api_docs", "metrics"):
        assert client.get(f"{joined}format=%00&unknown=%ff").status_code < 500
        return
    answers = {}
    here = READS.index(name)
    parameters = list(PARAMETERS_OF_ONE if ROUTES[name].subject else PARAMETERS)
    for number, parameter in enumerate(some_of(parameters, here, 2)):
        for value in some_of(IN_ADDRESSES, number + here, len(IN_ADDRESSES)):
            answer = client.get(f"{joined}{parameter}={value}&{parameter}={value}")
            answers[parameter, value[:20]] = answer.status_code
    assert faults(answers) == {}


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.subject])
def test_garbage_in_the_path_is_not_found(standing, name):
    client, subject = standing.client("root"), ROUTES[name].subject
    method = next(iter(ROUTES[name].levels))
    good = address(name, standing.mine, method=method)
    answers = {}
    for part in {str(value) for value in in_address(standing.mine, subject).values()}:
        for value in some_of(IN_ADDRESSES, list(ROUTES).index(name), 3):
            url = f"/{value}".join(good.rsplit(f"/{part}", 1))
            answers[part, value[:20]] = status_of(client, method, url)
    assert set(answers.values()) <= {200, 204, 302, 400, 404, 405, 409, 422}, answers
    assert faults(answers) == {}


HEADERS = [
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer sp_"},
    {"Authorization": "Bearer sp_a_b_c"},
    {"Authorization": f"Bearer sp_{'x' * 5000}"},
    {"Authorization": "Bearer sp_\x00_x"},
    {"Authorization": "Bearer \xff\xfe"},
    {"Authorization": "Bearer a.b.c"},
    {"Authorization": "Basic ///"},
    {"Authorization": "\x00"},
    {"Idempotency-Key": "\x00"},
    {"Idempotency-Key": "x" * 5000},
    {"Idempotency-Key": "\xff"},
    {"Accept": "nonsense"},
    {"Accept": "*/*;q=9"},
    {"Accept": "application/x-nothing"},
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"HX-Request": "\x00", "HX-Target": "\xff"},
    {"Referer": "http://["},
    {"Cookie": "sessionid=\x00; csrftoken=x; project=\x00; theme=\xff"},
    {"Host": "evil.example"},
    {"X-Request-ID": "x\r\ny: z"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=repr)
def test_a_header_of_garbage_is_no_fault(standing, headers):
    client = Client(raise_request_exception=False)
    client.force_login(standing.world.alice)
    for method, url, sent in (
        ("GET", "/api/v1/runs", None),
        ("GET", "/", None),
        ("GET", "/p/acme/runs/", None),
        ("POST", "/api/v1/workflows", {"project": "acme", "name": "from-headers"}),
        ("POST", "/theme/", None),
    ):
        assert status_of(client, method, url, sent, headers=headers) < 500, url
