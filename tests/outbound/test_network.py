"""Nothing is ever sent to a denied address, whatever the resolver says and whenever it changes its mind."""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.client import OutboundClient
from controlplane.outbound.exchange import OutboundRequest
from tests.outbound.hostile import HostileServer

connected: list[tuple] = []


def _note_connects(event: str, arguments: tuple) -> None:
    if event == "socket.connect":
        connected.append(arguments[1])


sys.addaudithook(_note_connects)


@pytest.fixture(autouse=True)
def _fresh_record() -> None:
    connected.clear()


class ScriptedResolver:
    """Answers each lookup with the next list of addresses; the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET6, (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, (ip, port)) for ip in answer]


def ended(outbound: OutboundClient, url: str, **options: object) -> Failure:
    with pytest.raises(Failure) as caught:
        outbound.send(OutboundRequest(url=url, **{"timeout_seconds": 3, **options}), token=CancelToken())
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "0",
        "169.254.169.254",
        "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "100.100.100.200",
        "224.0.0.1",
    ],
)
def test_no_spelling_of_a_denied_address_is_connected_to(host: str):
    problem = ended(OutboundClient(AllowList()), f"http://{host}/")
    assert problem.kind in ("address_refused", "name_not_resolved", "url_refused")
    assert problem.acted is False
    assert connected == []


def test_one_denied_record_refuses_the_whole_name():
    outbound = OutboundClient(AllowList(), resolver=ScriptedResolver(["93.184.216.34", "127.0.0.2"]))
    problem = ended(outbound, "http://mixed.example/")
    assert (problem.kind, problem.retryable) == ("address_refused", False)
    assert connected == []


def test_a_refusal_names_what_was_asked_for_and_not_what_was_found(caplog):
    """Else whoever may make a tool draws a map of our network; the server's log knows more."""
    with caplog.at_level(logging.WARNING, logger="controlplane.outbound.network"):
        problem = ended(
            OutboundClient(AllowList(), resolver=ScriptedResolver(["10.11.12.13"])), "http://inside.example:81/"
        )
    assert "inside.example:81" in problem.message
    assert problem.context == {"host": "inside.example", "port": 81}
    (noted,) = [record for record in caplog.records if getattr(record, "action", "") == "address_refused"]
    assert (noted.address, noted.reason) == ("10.11.12.13", "a private address")
    assert "10.11.12.13" not in problem.message


def test_a_name_that_changes_its_mind_gains_nothing(server: HostileServer):
    """Rebinding: allowed at first, then a loopback address that is not allowed."""
    resolver = ScriptedResolver(["127.0.0.1"], ["127.0.0.2"])
    outbound = OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}"]), resolver=resolver)
    url = f"http://rebinding.example:{server.port}"
    assert outbound.send(OutboundRequest(url=f"{url}/good"), token=CancelToken()).status == 200
    assert resolver.asked == ["rebinding.example"]
    server.connections[0].shutdown(socket.SHUT_RDWR)
    assert ended(outbound, f"{url}/good").kind == "address_refused"
    assert {address[0] for address in connected} == {"127.0.0.1"}


def test_a_redirect_is_resolved_and_checked_anew(server: HostileServer):
    resolver = ScriptedResolver(["127.0.0.1"], ["10.0.0.1"])
    outbound = OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}"]), resolver=resolver)
    target = f"http://second.example:{server.port}/echo"
    problem = ended(outbound, f"http://first.example:{server.port}/redirect?{target}", max_redirects=2)
    assert problem.kind == "address_refused"
    assert resolver.asked == ["first.example", "second.example"]


def test_the_server_sees_the_name_that_was_asked_for(server: HostileServer):
    outbound = OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}"]), resolver=ScriptedResolver(["127.0.0.1"]))
    answer = outbound.send(OutboundRequest(url=f"http://named.example:{server.port}/echo"), token=CancelToken())
    assert answer.body["headers"]["host"] == f"named.example:{server.port}"


def test_it_tries_the_next_address_when_one_does_not_answer(server: HostileServer):
    allow = AllowList.parse([f"127.0.0.1:{server.port}", f"[::1]:{server.port}"])
    outbound = OutboundClient(allow, resolver=ScriptedResolver(["::1", "127.0.0.1"]))
    assert (
        outbound.send(OutboundRequest(url=f"http://two.example:{server.port}/good"), token=CancelToken()).status == 200
    )


def test_an_unknown_name_says_so():
    def resolver(host: str, port: int) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    problem = ended(OutboundClient(AllowList(), resolver=resolver), "http://nowhere.example/")
    assert (problem.kind, problem.acted, problem.retryable) == ("name_not_resolved", False, True)
    assert problem.message == "The name nowhere.example cannot be resolved."


def test_an_absurd_name_is_no_crash():
    assert ended(OutboundClient(AllowList()), f"http://{'a' * 70}.example/").kind in (
        "name_not_resolved",
        "url_refused",
    )


class TestAResolverThatHangs:
    @pytest.fixture
    def release(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    def test_it_cannot_stretch_the_time_limit(self, release):
        outbound = OutboundClient(AllowList(), resolver=lambda host, port: release.wait(30) and [])
        started = time.monotonic()
        problem = ended(outbound, "http://slow.example/", timeout_seconds=0.3)
        assert (problem.kind, problem.message) == ("timeout", "The server did not answer in full within 0.3 seconds.")
        assert time.monotonic() - started < 10

    def test_a_cancel_ends_it(self, release):
        asked, token = threading.Event(), CancelToken()

        def resolver(host: str, port: int) -> list:
            asked.set()
            release.wait(30)
            return []

        threading.Thread(target=lambda: asked.wait(20) and token.cancel()).start()
        with pytest.raises(Cancelled) as caught:
            OutboundClient(AllowList(), resolver=resolver).send(
                OutboundRequest(url="http://slow.example/"), token=token
            )
        assert caught.value.acted is False


class TestTls:
    def test_a_server_that_does_not_speak_tls_is_a_failed_connection(self, server: HostileServer):
        outbound = OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}"]))
        problem = ended(outbound, f"https://127.0.0.1:{server.port}/good", timeout_seconds=0.5)
        assert problem.kind in ("connection_failed", "timeout")
        assert problem.acted is False

    def test_a_certificate_is_verified_against_the_name(self, tls_server):
        outbound = OutboundClient(
            tls_server.allow, resolver=ScriptedResolver(["127.0.0.1"]), ssl_context=tls_server.trusting
        )
        assert outbound.send(OutboundRequest(url=tls_server.url("good.example")), token=CancelToken()).body == "secure"
        assert tls_server.names == ["good.example"]
        problem = ended(outbound, tls_server.url("other.example"))
        assert (problem.kind, problem.acted, problem.retryable) == ("connection_failed", False, False)

    def test_an_unknown_issuer_is_refused(self, tls_server):
        outbound = OutboundClient(tls_server.allow, resolver=ScriptedResolver(["127.0.0.1"]))
        assert ended(outbound, tls_server.url("good.example")).kind == "connection_failed"

    def test_a_cancel_ends_a_read_over_tls(self, tls_server):
        token = CancelToken()
        threading.Thread(target=lambda: tls_server.hanging.wait(20) and token.cancel()).start()
        outbound = OutboundClient(
            tls_server.allow, resolver=ScriptedResolver(["127.0.0.1"]), ssl_context=tls_server.trusting
        )
        started = time.monotonic()
        with pytest.raises(Cancelled):
            outbound.send(OutboundRequest(url=tls_server.url("good.example", "/hang")), token=token)
        assert time.monotonic() - started < 5


def test_the_default_trust_demands_certificates():
    assert OutboundClient(AllowList()).pool._ssl_context.verify_mode == ssl.CERT_REQUIRED
