"""The portal's own database is no instance, whatever the way to it is called."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from agents.actions import try_instance
from agents.calls.context import CallContext
from agents.calls.sql import query_instance
from agents.databases import postgres
from agents.instances.connections import seal_url
from agents.models import Instance
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure
from controlplane.embedded.logins import READERS
from tests.servers import SUPERUSER_URL

pytestmark = pytest.mark.django_db(transaction=True)
OWN = "the portal's own database"


@pytest.fixture
def looker():
    """A role that can only look, and may sign in: nothing is wrong with it but where it is."""
    if not os.environ.get(SUPERUSER_URL):
        pytest.skip(f"no superuser to make roles with: {SUPERUSER_URL} is not set")
    postgres._verified.clear()
    with psycopg.connect(os.environ[SUPERUSER_URL], autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE looker LOGIN PASSWORD 'pass-word' IN ROLE {READERS}")
        superuser.execute(f'GRANT CONNECT ON DATABASE "{database_name()}", postgres TO looker')
        yield "looker:pass-word"
        superuser.execute("DROP OWNED BY looker")
        superuser.execute("DROP ROLE looker")


def database_name() -> str:
    return connection.settings_dict["NAME"]


def sockets() -> str:
    connection.ensure_connection()
    return connection.connection.info.host


def url(login: str, host: str, database: str = "") -> str:
    return f"postgresql://{login}@/{quote(database or database_name())}?host={quote(host, safe='')}"


@contextmanager
def forwarded(path: str):
    """A port on all addresses of this machine that leads to the socket at `path`, as a tunnel does."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        threading.Thread(target=accept, args=[listener, path], daemon=True).start()
        yield listener.getsockname()[1]


def accept(listener: socket.socket, path: str) -> None:
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(path)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def refused(world, url: str) -> str:
    """What the editor is told; fails when an instance was made."""
    body = {"name": "own", "engine": "postgres", "url": url}
    answer = world.api("erin").post("/api/v1/instances", body, format="json")
    assert answer.status_code == 400, answer.content
    assert not Instance.objects.exists()
    [error] = answer.json()["errors"]
    assert error["field"] == "url"
    return error["message"]


def test_it_is_refused_through_its_socket_and_through_a_tunnel_by_any_name(world, looker, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "::1/128", "0.0.0.0/32", "::ffff:0:0/96"]
    assert OWN in refused(world, url(looker, sockets()))
    with forwarded(f"{sockets()}/.s.PGSQL.5432") as port:
        for host in ("127.0.0.1", "localhost", "127.1", "0.0.0.0", "::1", "::ffff:127.0.0.1"):
            said = refused(world, url(looker, host) + f"&port={port}")
            # Some names may be refused before anybody connects; those that lead there are known for what they are.
            assert OWN in said or host != "127.0.0.1", said


def test_nobody_gets_in_without_the_password_of_a_role_of_ours(world, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    for role in ("postgres", connection.settings_dict["USER"], "nobody"):
        for database in (database_name(), "postgres"):
            refused(world, url(role, sockets(), database))


def test_the_portals_own_role_is_refused_in_every_database_of_its_server(world):
    login = f"{connection.settings_dict['USER']}:{connection.settings_dict['PASSWORD']}"
    assert "the portal itself signs in with" in refused(world, url(login, sockets(), "postgres"))


def test_another_database_of_the_same_server_is_no_problem(world, looker):
    body = {"name": "other", "engine": "postgres", "url": url(looker, sockets(), "postgres")}
    answer = world.api("erin").post("/api/v1/instances", body, format="json")
    assert answer.status_code == 201, answer.content


def test_a_role_that_can_write_is_refused_with_the_reason(world, looker):
    with psycopg.connect(os.environ[SUPERUSER_URL], autocommit=True) as superuser:
        superuser.execute("ALTER ROLE looker CREATEDB")
    assert "may create databases" in refused(world, url(looker, sockets(), "postgres"))


def test_an_instance_from_before_is_refused_when_it_is_tested_and_when_it_is_queried(world, looker):
    instance = Instance(project=world.acme, name="own", engine="postgres", address="somewhere")
    seal_url(instance, url(looker, sockets()))
    instance.save()
    report = try_instance(instance, by=world.actor("bob"))
    assert OWN in " ".join(report["problems"])
    with pytest.raises(Failure) as caught:
        query_instance(instance, "SELECT 1", {}, 10, CallContext(world.acme.pk, token=CancelToken(timeout_seconds=20)))
    assert caught.value.kind == "sql_refused"
    assert OWN in caught.value.message
