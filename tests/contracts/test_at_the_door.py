"""What a real web process takes in: how much, for how long, of whom, and that what it takes in is read."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from django.urls import reverse

from controlplane.embedded.management.commands.web import limits
from runs.models import Artifact, Run
from tests.contracts.addresses import address
from tests.contracts.permissions import CLOSED, ROUTES
from tests.contracts.subjects import BODIES, NEW_TOOL, Standing, body_of
from tests.events.conftest import Server, wait_until, web_process

pytestmark = pytest.mark.django_db

PATIENCE = 30
HALF_SENT = 5
SHORT = {
    "HTTP_HEADERS_SECONDS": "1",
    "HTTP_BODY_SECONDS": "4",
    "HTTP_IDLE_SECONDS": "1",
    "HTTP_ANSWER_SECONDS": "1",
    "HTTP_HALF_SENT": str(HALF_SENT),
    # Each counts what came to itself.
    "WEB_PROCESSES": "1",
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
}
SIGN_IN = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
MEGABYTE = b"x" * 2**20
WRITES = [key for key in BODIES if key[0].startswith("api:") and CLOSED not in ROUTES[key[0]].levels.values()]


@pytest.fixture(scope="module")
def door(standing, django_db_blocker) -> Iterator[Server]:
    with django_db_blocker.unblock(), web_process(**SHORT) as running:
        yield running


class Caller:
    """A connection that says exactly what it is told to."""

    def __init__(self, door: Server, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", door.port), PATIENCE, source_address=(source, 0))

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def say(self, *parts: bytes) -> Caller:
        """All of it, or as much as the other side still listens to."""
        try:
            for part in parts:
                self.socket.sendall(part)
        except ConnectionError:
            pass
        return self

    def hear(self) -> bytes:
        """Everything until the other side closes."""
        heard = b""
        try:
            while piece := self.socket.recv(65536):
                heard += piece
        except ConnectionResetError:
            pass
        return heard

    def refusal(self) -> int:
        """The one answer, after which the connection ends."""
        heard = self.hear()
        assert heard.count(b"HTTP/1.1 ") == 1
        head, _, body = heard.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert b"application/problem+json" in head
        assert b"Connection: close" in head
        assert json.loads(body)["status"] == status
        return status


def written_bytes(door: Server) -> int:
    """What the process wrote to files so far."""
    words = Path(f"/proc/{door.process.pid}/io").read_text().split()
    return int(words[words.index("wchar:") + 1])


@pytest.mark.parametrize("asks_first", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("length", [b"5000000000", b"2097153", b"9" * 5000])
def test_a_body_that_announces_too_much_is_refused_before_it_comes(door, length, asks_first):
    with Caller(door) as caller:
        assert caller.say(SIGN_IN, asks_first, b"Content-Length: ", length, b"\r\n\r\n").refusal() == 413


def test_what_comes_after_a_refusal_is_kept_nowhere(door):
    before = written_bytes(door)
    with Caller(door) as caller:
        caller.say(SIGN_IN, b"Content-Length: 5000000000\r\n\r\n", *[MEGABYTE] * 12)
        assert caller.refusal() == 413
    assert written_bytes(door) - before < len(MEGABYTE)


@pytest.mark.parametrize("chunk", [b"100000\r\n" + MEGABYTE + b"\r\n", b"ffffffffff\r\n" + MEGABYTE * 3])
def test_a_body_in_chunks_is_refused_at_the_limit_while_it_comes(door, chunk):
    before = written_bytes(door)
    with Caller(door) as caller:
        assert caller.say(SIGN_IN, CHUNKED, b"\r\n", *[chunk] * 10).refusal() == 413
    assert written_bytes(door) - before < 4 * len(MEGABYTE)


def test_a_body_in_thousands_of_tiny_chunks_is_refused(door):
    """Each costs the thread that serves everybody some time: a megabyte in single bytes stopped all for seconds."""
    with Caller(door) as caller:
        assert caller.say(SIGN_IN, CHUNKED, b"\r\n", b"1\r\nz\r\n" * 20_000).refusal() == 413


def with_header(*lines: bytes) -> bytes:
    return SIGN_IN + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


# What one reads as one request and another as two: https://portswigger.net/web-security/request-smuggling
UNCLEAR = {
    "a length below nothing": with_header(b"Content-Length: -1"),
    "a length with a plus": with_header(b"Content-Length: +2") + b"{}",
    "a length in hex": with_header(b"Content-Length: 0x2") + b"{}",
    "no length": with_header(b"Content-Length:") + b"{}",
    "two lengths": with_header(b"Content-Length: 2", b"Content-Length: 3") + b"{} ",
    "the same length twice": with_header(b"Content-Length: 2", b"Content-Length: 2") + b"{}",
    "a length and chunks": with_header(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunks and a length": with_header(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
    "another coding": with_header(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "no coding": with_header(b"Transfer-Encoding: identity", b"Content-Length: 2") + b"{}",
    "chunks of the past": with_header(b"Transfer-Encoding: chunked").replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
    "a header without a name": with_header(b": x"),
    "a header that is none": with_header(b"x"),
    "a space before the colon": with_header(b"Content-Length : 2") + b"{}",
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two hosts": with_header(b"Host: elsewhere.example", b"Content-Length: 0"),
    "no version": b"GET /\r\n\r\n",
    "a version to come": b"GET / HTTP/2.0\r\n\r\n",
    "a chunk of no length": with_header(b"Transfer-Encoding: chunked") + b"x\r\n",
    "a chunk below nothing": with_header(b"Transfer-Encoding: chunked") + b"-5\r\n",
    "a chunk size without end": with_header(b"Transfer-Encoding: chunked") + b"0" * 5000,
    "a chunk's extension without end": with_header(b"Transfer-Encoding: chunked") + b"5;" + b"a" * 5000,
    "a chunk longer than it says": with_header(b"Transfer-Encoding: chunked") + b"1\r\n{}\r\n0\r\n\r\n",
    "trailers without end": with_header(b"Transfer-Encoding: chunked") + b"0\r\n" + b"a: b\r\n" * 20_000,
}
AFTER = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("sent", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_an_unclear_request_is_refused_and_nothing_after_it_is_answered(door, sent):
    with Caller(door) as caller:
        assert caller.say(sent, AFTER).refusal() == 400


HEADERS = {
    "a long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n",
    "a line without end": b"GET /" + b"a" * 20_000,
    "many": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n",
    "large": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(30)) + b"\r\n",
}


@pytest.mark.parametrize("sent", HEADERS.values(), ids=HEADERS.keys())
def test_headers_have_an_end(door, sent):
    with Caller(door) as caller:
        assert caller.say(sent, AFTER).refusal() == 431


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nX: ", with_header(b"Content-Length: 1000")])
def test_a_byte_now_and_then_buys_no_time(door, begun):
    with Caller(door) as caller:
        caller.say(begun).socket.settimeout(0.2)
        wait_until(lambda: has_an_answer(caller, drip=bool(begun)), PATIENCE)
        caller.socket.settimeout(PATIENCE)
        assert caller.refusal() == 408


def has_an_answer(caller: Caller, *, drip: bool) -> bool:
    if drip:
        caller.say(b"x")
    try:
        return bool(caller.socket.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def test_a_connection_without_a_request_is_closed(door):
    with Caller(door) as caller:
        assert caller.say(AFTER).hear().startswith(b"HTTP/1.1 200")


def test_an_address_has_only_so_many_requests_half_sent(door):
    half = with_header(b"Content-Length: 100") + b"{"
    with ExitStack() as open_ones:
        callers = [open_ones.enter_context(Caller(door).say(half)) for _ in range(HALF_SENT)]
        with Caller(door) as late:
            assert late.say(half).refusal() == 429
        with Caller(door) as whole:
            assert whole.say(AFTER).hear().startswith(b"HTTP/1.1 200")
        with Caller(door, source="127.0.0.2") as other:
            assert other.say(half, b"}" * 99).hear().startswith(b"HTTP/1.1 400")
        callers[0].socket.close()
        wait_until(lambda: is_let_in(door, half), PATIENCE)


def is_let_in(door: Server, half: bytes) -> bool:
    with Caller(door) as caller:
        return caller.say(half, b"}" * 99).hear().startswith(b"HTTP/1.1 400")


def test_behind_a_proxy_one_address_is_everybody():
    assert limits(behind_a_proxy=True).half_sent == 0
    assert limits(behind_a_proxy=False).half_sent > 0


def test_who_does_not_read_an_answer_is_left(door, standing):
    artifact = Artifact.objects.get(pk=standing.mine.ids["artifact"])
    size, path = 64 * len(MEGABYTE), Path(artifact.file.path)
    with path.open("r+b") as file:
        file.truncate(size)
    who = f"Authorization: Bearer {standing.tokens['token:viewer']}".encode()
    url = address("api:run_artifact", standing.mine).encode()
    with Caller(door) as caller:
        caller.say(b"GET " + url + b" HTTP/1.1\r\nHost: localhost\r\n" + who + b"\r\n\r\n")
        wait_until(lambda: has_open(door, path), PATIENCE)
        wait_until(lambda: not has_open(door, path), PATIENCE)
        assert b"HTTP/1.1 200" in (heard := caller.hear())[:20]
        assert len(heard) < size


def has_open(door: Server, path: Path) -> bool:
    parent = psutil.Process(door.process.pid)
    folders = [Path(f"/proc/{process.pid}/fd") for process in (parent, *parent.children())]
    return any(link.resolve() == path.resolve() for folder in folders for link in folder.iterdir())


def in_chunks(door: Server, method: str, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Sent in pieces of some bytes, without a length."""
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=PATIENCE)
    pieces = iter([body[start : start + 7] for start in range(0, len(body), 7)])
    connection.request(method, url, pieces, {"Transfer-Encoding": "chunked", **headers}, encode_chunked=True)
    response = connection.getresponse()
    return response.status, response.read()


def as_script(standing: Standing) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {standing.tokens['token:admin']}"}


@pytest.mark.parametrize(("name", "method"), WRITES)
def test_a_body_in_chunks_is_read(door, standing, name, method):
    sent = {**body_of(standing.mine, name, method), "misspelt": 1}
    url = address(name, standing.mine, method=method)
    status, answer = in_chunks(door, method, url, json.dumps(sent).encode(), as_script(standing))
    if status == 403:
        pytest.skip("not for tokens")
    assert status == 400
    assert "misspelt" in [error["field"] for error in json.loads(answer)["errors"]]


def test_a_report_in_chunks_is_kept(door, standing):
    url, sent = address("api:task", standing.mine, method="PATCH"), {"outputs": {"rows": 7}}
    assert in_chunks(door, "PATCH", url, json.dumps(sent).encode(), as_script(standing))[0] == 200
    assert Run.objects.get(pk=standing.mine.ids["task"]).outputs["rows"] == 7


def test_a_tool_in_chunks_replaces_and_wipes_nothing(door, standing):
    url, sent = address("api:tool", standing.mine, method="PUT"), {**NEW_TOOL, "tags": ["kept"], "timeout_seconds": 9}
    status, answer = in_chunks(door, "PUT", url, json.dumps(sent).encode(), as_script(standing))
    shown = json.loads(answer)
    assert (status, shown["tags"], shown["timeout_seconds"]) == (200, ["kept"], 9)


FORM = b"csrfmiddlewaretoken=%s&theme=dark"
PARTS = b"".join(
    b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
    for part in ((b"csrfmiddlewaretoken", b"%s"), (b"theme", b"dark"))
)


@pytest.mark.parametrize(
    ("form", "content_type"),
    [(FORM, "application/x-www-form-urlencoded"), (PARTS + b"--x--\r\n", "multipart/form-data; boundary=x")],
    ids=["fields", "parts"],
)
def test_a_form_in_chunks_is_read(door, form, content_type):
    token = "a" * 32
    headers = {"Content-Type": content_type, "Cookie": f"csrftoken={token}", "HX-Request": "true"}
    status, _ = in_chunks(door, "POST", reverse("ui:theme"), form % token.encode(), headers)
    assert status in (200, 204, 302)
    assert in_chunks(door, "POST", reverse("ui:theme"), b"", headers)[0] == 403


def test_many_ask_for_the_document_before_it_was_ever_made(door, standing):
    def ask(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=PATIENCE)
        connection.request("GET", reverse("api:schema"), headers=as_script(standing))
        return connection.getresponse().status

    assert set(ThreadPoolExecutor(8).map(ask, range(8))) == {200}
