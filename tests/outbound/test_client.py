"""What the outbound client lets out, and what it makes of good and bad answers."""

from __future__ import annotations

import http.client
import resource
import socket
import threading
import time

import pytest

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure, Misconfigured
from controlplane.outbound import network
from controlplane.outbound.client import retry_after, send
from controlplane.outbound.exchange import OutboundRequest


class TestGoodAnswers:
    def test_it_sends_json_with_headers_and_parses_the_answer(self, fetch):
        answer = fetch(
            "/echo", method="post", json={"a": [1]}, headers={"Authorization": "Bearer x"}, idempotency_key="run:step"
        )
        assert (answer.status, answer.is_json, answer.truncated) == (200, True, False)
        assert answer.body["body"] == '{"a":[1]}'
        assert answer.body["headers"]["authorization"] == "Bearer x"
        assert answer.body["headers"]["idempotency-key"] == "run:step"
        assert answer.body["headers"]["content-type"] == "application/json"

    def test_it_adds_the_query_to_the_url(self, fetch, server):
        fetch("/good?a=1", query={"b": "x y&z"})
        assert server.requests[0].path == "/good?a=1&b=x+y%26z" or server.requests[0].path == "/good?a=1&b=x%20y%26z"

    @pytest.mark.parametrize("path", ["/gzipped", "/raw-deflate"])
    def test_it_decompresses(self, fetch, path):
        assert fetch(path).body == {"packed": True}

    def test_it_keeps_unusual_but_sound_json(self, fetch):
        assert fetch("/good").body == {"ok": [1, 2.5, "\u00e9\U0001f600", None]}

    def test_text_is_decoded_by_its_charset_and_made_storable(self, fetch):
        assert fetch("/text").body == "h\u00e9 \ufffd"
        assert fetch("/binary").body == "\ufffd\ufffd\ufffdok"

    def test_an_empty_json_answer_is_empty_text(self, fetch):
        assert fetch("/empty").body == ""

    def test_bytes_beyond_the_declared_length_are_ignored(self, fetch):
        assert fetch("/long-body").body == "good"

    def test_one_connection_serves_many_calls(self, fetch, server):
        for _ in range(5):
            fetch("/good")
        assert len(server.connections) == 1

    def test_threads_share_the_pool_and_get_their_own_answers(self, fetch):
        answers: dict[int, str] = {}

        def call(number: int) -> None:
            for _ in range(10):
                answers[number] = fetch("/echo", method="POST", json=number).body["body"]

        threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {number: str(number) for number in range(16)}

    def test_the_allow_list_comes_from_the_settings_by_default(self, server, settings):
        request = OutboundRequest(url=f"{server.url}/good")
        settings.OUTBOUND_ALLOW = [f"127.0.0.1:{server.port}"]
        assert send(request, token=CancelToken()).status == 200
        settings.OUTBOUND_ALLOW = []
        with pytest.raises(Failure) as caught:
            send(request, token=CancelToken())
        assert caught.value.kind == "address_refused"

    def test_the_size_limit_comes_from_the_settings_by_default(self, fetch, settings):
        settings.OUTBOUND_MAX_BYTES = 3
        with pytest.raises(Failure) as caught:
            fetch("/good")
        assert caught.value.kind == "response_too_large"


class TestHostileServers:
    @pytest.mark.parametrize("path", ["/hang", "/drip-head", "/drip-body"])
    def test_a_server_cannot_stretch_the_time_limit(self, failure, path):
        started = time.monotonic()
        problem = failure(path, timeout_seconds=0.5)
        assert (problem.kind, problem.acted, problem.retryable) == ("timeout", True, True)
        assert time.monotonic() - started < 5

    def test_the_token_s_deadline_counts_too(self, failure):
        problem = failure("/hang", token=CancelToken(timeout_seconds=0.3), timeout_seconds=30)
        assert problem.kind == "timeout"

    @pytest.mark.parametrize("path", ["/flood", "/bomb", "/declared-huge"])
    def test_a_server_cannot_flood_us(self, failure, path):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        problem = failure(path, max_bytes=1_000_000)
        assert (problem.kind, problem.acted, problem.context["max_bytes"]) == ("response_too_large", True, 1_000_000)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024

    @pytest.mark.parametrize("path", ["/flood", "/bomb", "/declared-huge"])
    def test_a_large_answer_is_cut_when_asked(self, fetch, path):
        if path == "/declared-huge":
            with pytest.raises(Failure) as caught:
                fetch(path, max_bytes=1000, truncate=True, timeout_seconds=0.3)
            assert caught.value.kind == "timeout"
            return
        answer = fetch(path, max_bytes=1_000, truncate=True)
        assert (len(answer.content), answer.truncated, answer.is_json) == (1_000, True, False)

    def test_a_json_answer_that_is_cut_stays_text(self, fetch):
        answer = fetch("/good", max_bytes=5, truncate=True)
        assert (answer.body, answer.is_json, answer.truncated) == ('{"ok"', False, True)

    @pytest.mark.parametrize(
        ("path", "word"),
        [
            ("/not-utf8", "UTF-8"),
            ("/nul", "NUL"),
            ("/surrogate", "surrogate"),
            ("/nan", "NaN"),
            ("/infinity", "Infinity"),
            ("/overflow", "out of range"),
            ("/huge-integer", "integer"),
            ("/deep", "200 levels"),
            ("/deep-closed", "200 levels"),
            ("/not-json", "line 1, column 1"),
            ("/cut-gzip", "ends in the middle"),
            ("/brotli", "br"),
            ("/big-header", "HTTP"),
            ("/not-http", "HTTP"),
        ],
    )
    def test_a_bad_answer_is_a_bad_response(self, failure, path, word):
        problem = failure(path)
        assert (problem.kind, problem.acted) == ("bad_response", True)
        assert word in problem.message

    @pytest.mark.parametrize("path", ["/reset", "/drop", "/short-body"])
    def test_a_broken_connection_is_told_apart_and_may_be_repeated(self, failure, path):
        problem = failure(path, method="POST", json={})
        assert (problem.kind, problem.acted, problem.retryable) == ("connection_lost", True, True)

    def test_only_a_call_that_may_be_repeated_is_sent_again_when_a_connection_drops(self, failure, server):
        failure("/drop", method="POST", json={})
        assert len(server.requests) == 1
        failure("/drop")
        assert len(server.requests) == 3

    def test_a_kept_connection_that_the_server_closed_is_not_used(self, fetch, server):
        fetch("/good")
        server.connections[0].shutdown(socket.SHUT_RDWR)
        assert fetch("/echo", method="POST", json=1).body["body"] == "1"

    def test_after_every_trouble_the_next_call_works_at_once(self, fetch, failure):
        for path in ("/hang", "/flood", "/bomb", "/reset", "/deep", "/short-body", "/big-header"):
            failure(path, timeout_seconds=0.5, max_bytes=100_000, method="POST", json={})
            started = time.monotonic()
            assert fetch("/good").status == 200
            assert time.monotonic() - started < 5


class TestStatuses:
    def test_an_error_status_brings_an_excerpt(self, failure):
        problem = failure("/teapot")
        assert (problem.kind, problem.retryable, problem.acted) == ("http_status", False, True)
        assert problem.context == {"status": 418, "body_excerpt": '{"why": "because"}', "retry_after": None}

    def test_a_busy_server_says_when_to_come_back(self, failure):
        assert failure("/busy").context["retry_after"] == 7
        assert failure("/slow-down").context["retry_after"] == 0

    @pytest.mark.parametrize(("path", "retryable"), [("/teapot", False), ("/busy", True), ("/slow-down", True)])
    def test_only_what_may_pass_is_worth_another_try(self, failure, path, retryable):
        assert failure(path).retryable is retryable

    @pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "\u00b2", "Thu, 99 Foo"])
    def test_an_odd_retry_after_is_none(self, value):
        assert retry_after(value) is None


class TestRefusedBeforeSending:
    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://example.com/",
            "gopher://127.0.0.1/",
            "//example.com/x",
            "example.com",
            "http://",
            "http:///x",
            "http://ok@127.0.0.2/",
            "http://user:password@example.com/",
            "http://[::1",
            "http://example.com:99999/",
            "http://example.com:0/",
            "http://example.com/\n",
            "",
        ],
    )
    def test_it_refuses_urls_that_are_not_plain_http(self, url):
        problem = _sent(url)
        assert (problem.kind, problem.acted) == ("url_refused", False)

    @pytest.mark.parametrize(
        "options",
        [
            {"headers": {"Host": "other"}},
            {"headers": {"Content-Length": "5"}},
            {"headers": {"X": "a\r\nY: b"}},
            {"headers": {"X": "a\x00"}},
            {"headers": {"X": "\u20ac"}},
            {"headers": {"X y": "a"}},
            {"headers": {"": "a"}},
            {"method": "GET / HTTP/1.1\r\n"},
            {"method": "CONNECT"},
            {"json": {"a": float("nan")}},
            {"json": {1, 2}},
            {"json": 1, "body": "x"},
        ],
    )
    def test_it_refuses_what_cannot_be_sent(self, fetch, server, options):
        with pytest.raises(Misconfigured) as caught:
            fetch("/echo", **options)
        assert caught.value.acted is False
        assert server.requests == []

    def test_a_closed_port_is_a_failed_connection(self, failure, server, outbound):
        server.close()
        problem = failure("/good")
        assert (problem.kind, problem.acted, problem.retryable) == ("connection_failed", False, True)


def _sent(url: str) -> Failure:
    with pytest.raises(Failure) as caught:
        send(OutboundRequest(url=url), token=CancelToken(), allow=[])
    return caught.value


class TestRedirects:
    def test_they_are_not_followed_by_default(self, failure):
        problem = failure("/to-echo")
        assert (problem.kind, problem.acted, problem.retryable) == ("redirect_refused", True, False)
        assert problem.context["location"] == "/echo"

    def test_they_are_followed_when_asked_and_a_post_becomes_a_get(self, fetch, server):
        answer = fetch("/to-echo", method="POST", json={"a": 1}, max_redirects=1, headers={"X-Key": "k"})
        assert (answer.body["method"], answer.body["body"]) == ("GET", "")
        assert answer.body["headers"]["x-key"] == "k"
        assert answer.url == f"{server.url}/echo"

    def test_a_loop_ends(self, failure, server):
        problem = failure("/loop", max_redirects=5)
        assert problem.kind == "redirect_refused"
        assert len(server.requests) == 6

    @pytest.mark.parametrize(
        ("target", "kind"),
        [
            ("http://169.254.169.254/latest/meta-data/", "address_refused"),
            ("http://[::ffff:127.0.0.1]:1/", "address_refused"),
            ("http://127.0.0.2/", "address_refused"),
            ("http://0x7f.2/", "address_refused"),
            ("http://2130706434/", "address_refused"),
            ("http://0177.0.0.2/", "url_refused"),
            ("file:///etc/passwd", "url_refused"),
            ("http://a@127.0.0.2/", "url_refused"),
            ("javascript:alert(1)", "url_refused"),
        ],
    )
    def test_each_hop_is_checked_again(self, failure, target, kind):
        problem = failure(f"/redirect?{target}", max_redirects=3)
        assert (problem.kind, problem.acted) == (kind, True)

    def test_another_origin_gets_none_of_our_secrets(self, server, outbound):
        from controlplane.outbound.addresses import AllowList
        from controlplane.outbound.client import OutboundClient
        from tests.outbound.hostile import HostileServer

        other = HostileServer()
        try:
            both = OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}", f"127.0.0.1:{other.port}"]))
            headers = {"Authorization": "Bearer s", "Cookie": "c", "X-Api-Key": "k"}
            url = f"{server.url}/redirect?{other.url}/echo"
            request = OutboundRequest(url=url, headers=headers, max_redirects=1, idempotency_key="i")
            seen = both.send(request, token=CancelToken()).body["headers"]
        finally:
            other.close()
        assert not {"authorization", "cookie", "x-api-key", "idempotency-key"} & set(seen)


class TestCancelling:
    @pytest.mark.parametrize("path", ["/hang", "/drip-body", "/drip-head"])
    def test_a_call_in_flight_ends_at_once(self, fetch, server, path):
        token = CancelToken()
        ended: list[tuple[float, Exception]] = []

        def call() -> None:
            try:
                fetch(path, token=token, timeout_seconds=30)
            except Exception as error:
                ended.append((time.monotonic(), error))

        thread = threading.Thread(target=call)
        thread.start()
        assert server.arrived.wait(20)
        cancelled_at = time.monotonic()
        token.cancel("asked by Ada")
        thread.join(20)
        ((at, error),) = ended
        assert isinstance(error, Cancelled)
        assert "asked by Ada" in error.message
        assert error.acted
        assert at - cancelled_at < 5

    def test_a_connection_attempt_ends_at_once(self, outbound):
        # A listener whose backlog is full lets further connections wait.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            port = listener.getsockname()[1]
            waiting = []
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                waiting.append(filler)
            token = CancelToken()
            timer = threading.Timer(0.3, token.cancel)
            timer.start()
            started = time.monotonic()
            with pytest.raises(Cancelled) as caught:
                send(OutboundRequest(url=f"http://127.0.0.1:{port}/"), token=token, allow=[f"127.0.0.1:{port}"])
            assert time.monotonic() - started < network.CONNECT_SECONDS / 2
            assert caught.value.acted is False
            for filler in waiting:
                filler.close()

    def test_a_cancelled_token_sends_nothing(self, fetch, server):
        token = CancelToken()
        token.cancel()
        with pytest.raises(Cancelled):
            fetch("/good", token=token)
        assert server.requests == []

    def test_a_cancel_after_the_call_hurts_no_other_call(self, fetch):
        token = CancelToken()
        fetch("/good", token=token)
        token.cancel()
        assert fetch("/good").status == 200


def test_the_phrase_of_a_status_is_the_standard_one(failure):
    assert http.client.responses[503] in failure("/busy").message
