"""An instance reaches what the outbound client lets through, and nothing else; what it does not reach stays unknown."""

from __future__ import annotations

import socket
import sys
import threading
import time

import pytest
from psycopg import pq

from agents.databases.connect import Connection, parse_connection
from agents.databases.postgres_address import options_for
from agents.databases.query import inspect
from controlplane.domain.cancellation import CancelToken
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.network import AddressGuard
from tests.databases.conftest import LOGIN, READER, problem, query
from tests.databases.doors import door

looked_up: list[str] = []


def _note_lookups(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        looked_up.append(str(arguments[0]))


sys.addaudithook(_note_lookups)


def at(host: str, *, port: int | str = 5432, more: str = "") -> Connection:
    return parse_connection("postgres", f"postgresql://ada:hush-hush@/shop?host={host}&port={port}{more}")


@pytest.fixture
def folder(reader) -> str:
    """Of the sockets of the tests' own server."""
    if not reader.conninfo["host"].startswith("/"):
        pytest.skip("the given server is not reached by a socket")
    return reader.conninfo["host"]


@pytest.fixture
def through(reader, folder, settings):
    """The reader's connection over TCP, by name, with the door that it passes."""
    info = reader.conninfo
    with door(to=f"{info['host']}/.s.PGSQL.{info.get('port', '5432')}") as passage:
        settings.OUTBOUND_ALLOW = [f"localhost:{passage.port}"]
        url = f"postgresql://{LOGIN}@localhost:{passage.port}/{info['dbname']}?sslmode=disable"
        yield parse_connection("postgres", url), passage


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "::1",
        "::ffff:127.0.0.1",
        "0x7f.1",
        "2130706433",
        "127.1",
        "0",
        "10.0.0.5",
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "100.100.100.200",
        "8.8.8.8,127.0.0.1",
        "127.0.0.1,8.8.8.8",
    ],
)
def test_no_spelling_of_a_private_address_is_connected_to(settings, host):
    settings.OUTBOUND_ALLOW = []
    with door() as private:
        failure = problem(at(host, port=private.port), "SELECT 1")
        assert private.heard == []
    assert (failure.kind, failure.acted) == ("address_refused", False)
    assert set(failure.context) == {"host", "port"}


@pytest.mark.parametrize("host", ["/tmp", "/var/run/postgresql", "@abstract", "SOCKETS/..", "SOCKETS,/tmp"])
def test_a_folder_of_sockets_that_nobody_listed_is_refused(folder, host):
    failure = problem(at(host.replace("SOCKETS", folder)), "SELECT 1")
    assert (failure.kind, failure.retryable) == ("address_refused", False)


def test_a_listed_folder_of_sockets_is_used(settings, reader, folder):
    settings.INSTANCE_SOCKETS = []
    assert problem(reader, "SELECT 1").kind == "address_refused"
    settings.INSTANCE_SOCKETS = [folder + "/"]
    assert query(reader, "SELECT 1").rows == [[1]]


def test_a_name_that_leads_nowhere_looks_like_one_that_leads_inside(settings):
    settings.OUTBOUND_ALLOW = []
    inside, nowhere = (inspect(at(name)).problems[0] for name in ("localhost", "nowhere.invalid"))
    assert inside.replace("localhost", "X") == nowhere.replace("nowhere.invalid", "X")
    assert "127.0.0.1" not in inside
    failures = [problem(at(name), "SELECT 1") for name in ("localhost", "nowhere.invalid")]
    assert {(failure.kind, failure.retryable) for failure in failures} == {("address_refused", True)}


def test_closed_silent_and_foreign_ports_look_the_same(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with door() as silent, door(says=b"HTTP/1.1 400 Bad Request\r\n\r\n") as foreign:
        told = [
            inspect(at("127.0.0.1", port=one), token=CancelToken(timeout_seconds=1)).problems[0].replace(str(one), "X")
            for one in (port, silent.port, foreign.port)
        ]
    assert set(told) == {"The database at 127.0.0.1:X cannot be reached."}


def test_what_an_allowed_server_says_is_passed_on(through):
    _, passage = through
    unknown = parse_connection("postgres", f"postgresql://{LOGIN}@localhost:{passage.port}/no_such_database")
    assert 'database "no_such_database" does not exist' in inspect(unknown).problems[0]
    plain = parse_connection("postgres", f"postgresql://{LOGIN}@localhost:{passage.port}/x?sslmode=require")
    assert "server does not support SSL" in inspect(plain).problems[0]
    assert "127.0.0.1" not in inspect(unknown).problems[0] + inspect(plain).problems[0]


def test_the_address_that_was_checked_is_the_one_connected_to(through):
    """Resolved once for each connection; a cancel takes the same way."""
    connection, passage = through
    looked_up.clear()
    assert query(connection, "SELECT 1").rows == [[1]]
    assert looked_up == ["localhost"]
    assert problem(connection, "SELECT pg_sleep(30)", timeout_seconds=1.5).kind == "timeout"
    assert looked_up == ["localhost", "localhost"]
    # Two sessions, and at least one request to cancel, which begins with its length and the code 80877102.
    assert [first[4:8] == b"\x04\xd2\x16\x2e" for first in passage.heard].count(True) >= 1


def test_a_name_that_changes_its_mind_is_asked_once():
    answers = [["127.0.0.1"], ["10.0.0.5"]]

    def resolver(host: str, port: int) -> list:
        return [(socket.AF_INET, (address, port)) for address in answers.pop(0)]

    guard = AddressGuard(AllowList.parse(["db.example:5433"]), resolver)
    told = options_for(at("db.example", port=5433).conninfo, seconds=1, guard=guard)
    assert (told["host"], told["hostaddr"], told["port"]) == ("db.example", "127.0.0.1", "5433")
    assert answers == [["10.0.0.5"]]


def test_every_host_of_a_list_is_checked_and_tried(through, settings):
    """The one that does not answer comes first."""
    connection, passage = through
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    info = connection.conninfo
    url = f"postgresql://{LOGIN}@127.0.0.1:{port},localhost:{passage.port}/{info['dbname']}"
    assert query(parse_connection("postgres", url), "SELECT 1").rows == [[1]]


def test_the_workers_own_environment_stays_out(reader, monkeypatch, tmp_path):
    service = tmp_path / "services"
    service.write_text("[mine]\nhost=elsewhere.invalid\noptions=-c search_path=nowhere\nsslpassword=x\n")
    nonsense = dict.fromkeys(variables(), "nonsense")
    for name, value in {**nonsense, "PGSERVICE": "mine", "PGSERVICEFILE": str(service)}.items():
        monkeypatch.setenv(name, value)
    ((path, user),) = query(reader, "SELECT current_setting('search_path'), current_user").rows
    assert ("nowhere" in path, user) == (False, READER)


def variables() -> set[str]:
    return {option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}


def test_nothing_that_libpq_takes_from_the_environment_is_left_to_it(reader):
    told = options_for(reader.conninfo, seconds=1)
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    assert known - set(told) == {"service"}
    assert told["passfile"] == told["sslcert"] == told["sslkey"] == told["sslcrl"] == "/nonexistent"


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_no_certificate_of_the_workers_home_decides(reader, mode):
    told = options_for({**reader.conninfo, "sslmode": mode}, seconds=1)
    assert (told["sslrootcert"], told["sslcertmode"]) == ("/nonexistent", "disable")


def test_who_demands_a_ticket_of_the_workers_is_not_given_one(settings):
    """A server that asks for Kerberos: no token leaves."""
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    with door(says=b"R\x00\x00\x00\x08\x00\x00\x00\x07") as greedy:
        failure = problem(at("127.0.0.1", port=greedy.port, more="&sslmode=disable"), "SELECT 1")
    assert failure.kind == "connection_failed"
    assert "GSS" in failure.message
    assert len(greedy.heard) == 1


def test_a_silent_server_is_given_up_before_the_time_is_over(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    with door() as silent:
        started = time.monotonic()
        failure = problem(at("127.0.0.1", port=silent.port), "SELECT 1", timeout_seconds=1)
        assert time.monotonic() - started < 5
    assert (failure.kind, failure.retryable) == ("connection_failed", True)


def test_a_cancel_ends_the_wait_for_a_silent_server(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    token = CancelToken()
    with door() as silent:

        def cancel_once_connected() -> None:
            while not silent.heard:
                pass
            token.cancel("asked by Ada")

        threading.Thread(target=cancel_once_connected, daemon=True).start()
        failure = problem(at("127.0.0.1", port=silent.port), "SELECT 1", token=token, timeout_seconds=30)
    assert failure.kind == "cancelled"
