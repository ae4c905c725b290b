"""Through the API: whoever may make an instance learns nothing of the network around the portal."""

from __future__ import annotations

import socket
import time

import pytest
from django.db import connection

from agents.databases import own_database
from agents.databases.connect import Connection
from agents.databases.query import inspect
from tests.databases.doors import door

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/instances"


def refusal(world, url: str) -> str:
    sent = {"project": "acme", "name": "shop", "engine": "postgres", "url": url}
    answer = world.api("erin").post(URL, sent)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["url"]
    assert "hush-hush" not in answer.content.decode()
    return answer.json()["detail"]


def test_inside_and_nowhere_are_told_in_the_same_words(world, settings):
    settings.OUTBOUND_ALLOW = []
    with door() as private:
        inside = refusal(world, f"postgresql://ada:hush-hush@localhost:{private.port}/shop")
        nowhere = refusal(world, f"postgresql://ada:hush-hush@nowhere.invalid:{private.port}/shop")
        assert private.heard == []
    assert inside.replace("localhost", "X") == nowhere.replace("nowhere.invalid", "X")
    assert "127.0.0.1" not in inside


def test_files_of_the_machine_are_not_felt_out_by_a_url(world, tmp_path):
    (tmp_path / "there.pem").write_text("x")
    told = {
        refusal(world, f"postgresql://ada:hush-hush@db.example/shop?sslmode=verify-full&sslrootcert={tmp_path}/{name}")
        for name in ("there.pem", "missing.pem")
    }
    assert len(told) == 1
    assert "SPARKOPS_INSTANCE_CERTIFICATES" in told.pop()


def test_a_listed_certificate_may_be_named(world, settings, tmp_path):
    settings.INSTANCE_CERTIFICATES = [f"{tmp_path}/root.pem"]
    settings.OUTBOUND_ALLOW = []
    url = f"postgresql://ada:hush-hush@localhost/shop?sslmode=verify-ca&sslrootcert={tmp_path}/root.pem"
    assert "leads to no address" in refusal(world, url)


def test_a_socket_that_nobody_listed_is_refused_whether_it_is_there_or_not(world, settings, tmp_path):
    settings.INSTANCE_SOCKETS = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / ".s.PGSQL.5432"))
        listening.listen()
        there = refusal(world, f"postgresql://ada:hush-hush@/shop?host={tmp_path}")
    missing = refusal(world, f"postgresql://ada:hush-hush@/shop?host={tmp_path}/no")
    assert there.replace(str(tmp_path), "X") == missing.replace(f"{tmp_path}/no", "X")


def test_the_portals_own_address_is_open_to_its_reader_alone(settings):
    """Whether the instance is the one that the portal made is for others to tell."""
    settings.INSTANCE_SOCKETS, settings.OUTBOUND_ALLOW = [], []
    connection.ensure_connection()
    info = connection.connection.info
    reads = {"user": own_database.reader_role(), "dbname": info.dbname, "host": info.host, "port": str(info.port)}
    assert own_database.admits(reads, info.host, info.port)
    assert not own_database.admits(reads, info.host, info.port + 1)
    (own,) = inspect(Connection("postgres", reads)).problems
    (others,) = inspect(Connection("postgres", {**reads, "user": info.user})).problems
    assert "SPARKOPS_INSTANCE_SOCKETS" not in own
    assert "SPARKOPS_INSTANCE_SOCKETS" in others


def test_a_silent_server_is_given_up_within_seconds(world, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    with door() as silent:
        started = time.monotonic()
        told = refusal(world, f"postgresql://ada:hush-hush@127.0.0.1:{silent.port}/shop")
        assert time.monotonic() - started < 10
    assert told == f"The database at 127.0.0.1:{silent.port} cannot be reached."
