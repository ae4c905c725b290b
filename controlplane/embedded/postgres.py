"""The embedded PostgreSQL: its data, its start, its ending after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from controlplane.embedded.accounts import Account, can_enter, server_account
from controlplane.embedded.binaries import SHELTER, PostgresBinaries, find_postgres
from controlplane.embedded.folders import mark, runtime_folder
from controlplane.embedded.logins import READERS, ROLE, SUPERUSER, Passwords, load_passwords, verifier, write_rules
from controlplane.embedded.orphans import disown_stale_pid, end_servers_on
from controlplane.embedded.problems import CannotStart
from controlplane.embedded.processes import MOMENT, Program

DATABASE = "sparkops"
READY_SECONDS = 60
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    # The queue's rows change all the time; short naps keep its tables small.
    "autovacuum_naptime": "15s",
    # Statements are short; compiling them costs more than it saves.
    "jit": "off",
    # An action never waits for anybody while it holds a transaction open.
    "idle_in_transaction_session_timeout": "60s",
    # A statement that sorts more than this on the disk ends with an error, and does not fill it.
    "temp_file_limit": "2GB",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For tests: nothing of theirs has to survive the machine.
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "64MB"}
# What is granted to everybody is taken away; what earlier versions let the portal hand on as well.
BOOTSTRAP = f"""
SELECT 'CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE' WHERE NOT EXISTS (
  SELECT FROM pg_roles WHERE rolname = '{ROLE}') \\gexec
SELECT 'CREATE ROLE {READERS}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READERS}') \\gexec
ALTER ROLE {ROLE} PASSWORD '{{verifier}}';
GRANT {READERS} TO {ROLE} WITH ADMIN OPTION;
GRANT pg_read_all_stats, pg_signal_backend TO {ROLE};
REVOKE ADMIN OPTION FOR pg_read_all_stats FROM {ROLE} CASCADE;
REVOKE pg_monitor FROM {ROLE} CASCADE;
\\connect template1
SELECT 'CREATE EXTENSION IF NOT EXISTS vector' FROM pg_available_extensions WHERE name = 'vector' \\gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO {ROLE};
\\connect postgres
SELECT 'CREATE DATABASE {DATABASE} OWNER {ROLE}' WHERE NOT EXISTS (
  SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
REVOKE ALL ON DATABASE postgres, template1, {DATABASE} FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres, template1 TO {ROLE};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
\\connect {DATABASE}
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO {ROLE};
"""  # noqa: S608 - only constants of this file get in


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL data folder with the binaries, the user and the socket folder that go with it."""

    data: Path
    sockets: Path
    binaries: PostgresBinaries
    account: Account | None
    passwords: Passwords
    durable: bool = True

    @property
    def url(self) -> str:
        """The address of our database for the role of the portal, who is not a superuser."""
        return self.address(ROLE, self.passwords.portal, DATABASE)

    @property
    def superuser_url(self) -> str:
        return self.address(SUPERUSER, self.passwords.superuser, "postgres")

    def address(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.sockets), safe='/')}&port=5432"

    def program(self) -> Program:
        settings = SETTINGS | ({} if self.durable else FORGETFUL) | {"unix_socket_directories": str(self.sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=(self.binaries["postgres"], "-D", str(self.data), *options),
            folder=self.data,
            account=self.account,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            patience=30,
            before=self.clear_the_way,
        )

    def clear_the_way(self) -> None:
        """End what a crash left running on this data; lock files that name a stranger or a zombie shall not stop us.

        The server that comes next admits only our accounts.
        """
        end_servers_on(self.data)
        disown_stale_pid(self.data / "postmaster.pid")
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.sockets / name).unlink(missing_ok=True)
        write_rules(self.data, self.account)

    def set_superuser_password(self) -> None:
        """Without a server, hence without signing in: nobody knows the one of the last start. Raises CannotStart."""
        self.clear_the_way()
        command = [self.binaries["postgres"], "--single", "-j", "-D", str(self.data), "postgres"]
        sql = f"ALTER ROLE {SUPERUSER} PASSWORD '{verifier(self.passwords.superuser)}'\n\n\n"
        drop = self.account.drop if self.account else {}
        done = subprocess.run(command, input=sql, capture_output=True, text=True, cwd="/", **drop)
        if done.returncode or "ERROR:" in done.stderr:
            raise CannotStart(f"PostgreSQL refused to prepare its data: {done.stderr.strip()}")

    def wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Wait until the server answers and has our role and database.

        Raises CannotStart with the end of `log` when it ends or does not answer in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"PostgreSQL did not start.\n{tail(log)}".rstrip())
            time.sleep(MOMENT)
        self.bootstrap()

    def answers(self) -> bool:
        return self.ask("SELECT 1").returncode == 0

    def bootstrap(self) -> None:
        """Make our role and database where they are missing. Raises CannotStart."""
        made = self.ask(BOOTSTRAP.format(verifier=verifier(self.passwords.portal)))
        if made.returncode:
            raise CannotStart(f"PostgreSQL refused to make our database: {made.stderr.strip()}")

    def ask(self, sql: str) -> subprocess.CompletedProcess[str]:
        """Run `sql` through psql as the superuser of the cluster."""
        command = [self.binaries["psql"], "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", str(self.sockets), "-p", "5432", "-U", SUPERUSER, "-d", "postgres"]
        # What a shell says about other servers of the user is not meant for this one.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        own = clean | {"PGPASSWORD": self.passwords.superuser}
        return subprocess.run(command, input=sql, capture_output=True, text=True, cwd="/", env=own)


def prepare(data: Path, *, announce: Callable[[str], None], durable: bool = True, folder: str = "postgres") -> Cluster:
    """The cluster in the data folder `data`, made now if there is none; a server that runs on it is ended.

    Raises CannotStart when the data is of another major version, another user's, or cannot be made.
    """
    own = data / folder
    account = server_account(own if own.exists() else pointer(own))
    place = reachable_place(own, account, announce)
    binaries = matching_binaries(place, account, announce)
    passwords = load_passwords(data / f"{folder}_password")
    cluster = Cluster(place, runtime_folder(place, account), binaries, account, passwords, durable)
    if not (place / "PG_VERSION").exists():
        announce(f"Making a PostgreSQL {binaries.major} database in {place}.")
        initialise(cluster)
    cluster.set_superuser_password()
    return cluster


def pointer(own: Path) -> Path:
    """Where the data lies that could not lie in `own`: noted in a file beside it."""
    note = own.with_name(f"{own.name}.location")
    return Path(note.read_text().strip()) if note.exists() else own


def reachable_place(own: Path, account: Account | None, announce: Callable[[str], None]) -> Path:
    """`own`, or a folder under SHELTER when PostgreSQL's user cannot get to it."""
    place = pointer(own)
    if account is None or place != own or can_enter(account, own.parent):
        return place
    if own.exists():
        raise CannotStart(
            f"PostgreSQL runs as the user {account.name}, who can no longer reach {own}. "
            "Let it pass through the folders above, or move the data folder and set SPARKOPS_DATA_DIR."
        )
    place = SHELTER / mark(own, account.uid) / own.name
    place.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    own.with_name(f"{own.name}.location").write_text(f"{place}\n")
    announce(f"PostgreSQL runs as the user {account.name}, who cannot reach {own.parent}. Its data is in {place}.")
    return place


def matching_binaries(place: Path, account: Account | None, announce: Callable[[str], None]) -> PostgresBinaries:
    """Binaries of the version that wrote the data, or the best there are for a new folder."""
    version = place / "PG_VERSION"
    if not version.exists():
        return find_postgres(account, announce=announce)
    written_by = version.read_text().strip()
    try:
        return find_postgres(account, major=int(written_by), announce=announce)
    except CannotStart as problem:
        raise CannotStart(
            f"The database in {place} was written by PostgreSQL {written_by}. {problem} "
            f"Install PostgreSQL {written_by}, dump the database with its pg_dump and load it into "
            "a new one, or set SPARKOPS_DATA_DIR to start with an empty one. Nothing was changed."
        ) from problem


def initialise(cluster: Cluster) -> None:
    """Make the data folder in one step: a start killed half-way leaves nothing that looks finished."""
    draft = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    account = cluster.account
    if account:
        os.chown(draft, account.uid, account.gid)
    command = [
        cluster.binaries["initdb"],
        "-D",
        str(draft),
        "-U",
        SUPERUSER,
        "--auth=reject",
        "--encoding=UTF8",
    ]
    command += locale(cluster.binaries.major) + ([] if cluster.durable else ["--no-sync"])
    made = subprocess.run(
        command,
        cwd=draft,
        capture_output=True,
        text=True,
        **(account.drop if account else {}),
    )
    if made.returncode:
        raise CannotStart(f"PostgreSQL could not make its data folder: {made.stderr.strip() or made.stdout.strip()}")
    draft.rename(cluster.data)


def locale(major: int) -> list[str]:
    """Unicode rules that do not depend on the system's C library, where the version has them."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    return [*builtin, "--locale=C" if major >= 17 else "--locale=C.UTF-8"]


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
