"""`manage.py up`: everything on one machine, with one command."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from controlplane.embedded import environment, postgres, valkey
from controlplane.embedded.folders import REPOSITORY, data_folder
from controlplane.embedded.problems import CannotStart
from controlplane.embedded.processes import Program, end, end_leftovers, forget, launch
from controlplane.embedded.supervisor import Stop, Supervisor, python, say

ROLES = ("web", "worker", "sweeper")
LIVE_SECONDS = 60
# How `first_start` marks the line that tells a password it made.
MADE_PASSWORD = "ADMIN_PASSWORD_CREATED"


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped; the exit code. What prevents a start is one message, not a traceback."""
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    parser.parse_args(arguments)
    try:
        run()
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except Stop:
        say("Stopped before everything ran.")
    return 0


def run() -> None:
    data = data_folder()
    with only_one(data):
        end_leftovers(data / "run")
        check_port()
        environment.load_keys(data)
        os.environ["SPARKOPS_DATA_DIR"] = str(data)
        environment.allow_own_address(network_location())
        supervisor = Supervisor(data / "run", data / "logs")
        try:
            start_everything(supervisor, data)
            supervisor.run()
        finally:
            if supervisor.asked_to_stop:
                say("Stopping. Press Ctrl-C again to end everything at once.")
            supervisor.stop(together=ROLES)
            environment.withdraw(data)
    say("Stopped.")


def start_everything(supervisor: Supervisor, data: Path) -> None:
    """Servers, schema, roles, and the closing words. Raises CannotStart or Stop."""
    start_servers(supervisor, data)
    environment.publish(data)
    say("Preparing the database.")
    prepared = data / "run" / "prepared"
    prepared.unlink(missing_ok=True)
    # It loads while the database is prepared, and listens when that is done.
    web = supervisor.add(role("web", "--when", str(prepared)))
    words = prepare_database(supervisor)
    prepared.touch()
    if not supervisor.wait_for(is_live, web, LIVE_SECONDS):
        raise CannotStart(f"The web process did not start; its log is {web.log}.")
    supervisor.add(role("worker", "--queues", "default,cpu"))
    supervisor.add(role("sweeper"))
    greet(words, data)


def start_servers(supervisor: Supervisor, data: Path) -> None:
    """PostgreSQL and Valkey, unless DATABASE_URL and REDIS_URL name others."""
    cluster = None if environment.given("DATABASE_URL") else postgres.prepare(data, announce=say)
    broker = None if environment.given("REDIS_URL") else valkey.prepare(data)
    if broker:
        os.environ["REDIS_URL"] = broker.url
        valkey_child = supervisor.add(broker.program(), echo=False)
    if cluster:
        os.environ["DATABASE_URL"] = cluster.url
        child = supervisor.add(cluster.program(), echo=False)
        if not supervisor.wait_for(cluster.answers, child, postgres.READY_SECONDS):
            raise CannotStart(f"PostgreSQL did not start; its log is {child.log}.\n{postgres.tail(child.log)}")
        cluster.bootstrap()
    if broker and not supervisor.wait_for(broker.answers, valkey_child, valkey.READY_SECONDS):
        raise CannotStart(f"Valkey did not start; its log is {valkey_child.log}.")


def prepare_database(supervisor: Supervisor) -> str:
    """Bring the schema to this version; returns what the first start has to tell, such as the new password."""
    program = Program("prepare", python("prepare"), REPOSITORY)
    process = launch(program, supervisor.records, subprocess.PIPE, errors=None)
    words = None
    try:
        while words is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                words, _ = process.communicate(timeout=0.1)
            supervisor.drain()
            supervisor.check_stop()
    finally:
        end(process, program)
        forget(program, supervisor.records)
    if process.returncode:
        raise CannotStart("The database could not be prepared; the reason is above.")
    return words.decode().strip()


def role(name: str, *options: str) -> Program:
    """One of our own long-running commands; its name stays the same through all its lives."""
    own = {"SPARKOPS_WORKER_NAME": f"{name}@{socket.gethostname()}", "PYTHONUNBUFFERED": "1"}
    return Program(name, python(name, *options), REPOSITORY, environment={**os.environ, **own}, patience=15)


def greet(words: str, data: Path) -> None:
    """The closing words: where to go, as whom."""
    rule = "-" * 72
    say(rule)
    say(f"Spark-Ops runs at {address()}")
    say(words.removeprefix(MADE_PASSWORD).strip() or where_the_password_is(data))
    say(f"Data and logs are in {data}. Ctrl-C stops everything.")
    say(rule)


def where_the_password_is(data: Path) -> str:
    """What to say to somebody who starts again, or who chose the password."""
    if os.environ.get("SPARKOPS_ADMIN_PASSWORD"):
        return "Sign in as admin with the password that SPARKOPS_ADMIN_PASSWORD had at the first start."
    kept = data / "admin-password"
    place = f"the password is in {kept}" if kept.exists() else "the password was shown at the first start"
    return f"Sign in as admin; {place}. A new one: .venv/bin/python manage.py changepassword admin"


def host() -> str:
    return os.environ.get("HOST") or "127.0.0.1"


def port() -> int:
    given = os.environ.get("PORT") or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise CannotStart(f"PORT is {given!r}; it must be a number between 1 and 65535.")
    return int(given)


def reachable_host() -> str:
    """The host to talk to when the server listens everywhere."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host(), host())  # noqa: S104


def network_location() -> str:
    """`host:port` to talk to."""
    name = reachable_host()
    return f"{f'[{name}]' if ':' in name else name}:{port()}"


def address() -> str:
    return f"http://{network_location()}/"


def check_port() -> None:
    """Raises CannotStart when our port is taken, naming a free one."""
    if can_listen(port()):
        return
    free = next((number for number in range(port() + 1, min(port() + 100, 65536)) if can_listen(number)), None)
    hint = f"Choose another, for example PORT={free}." if free else "Choose another with PORT."
    raise CannotStart(f"Port {port()} on {host()} is taken by another program, or not allowed. {hint}")


def can_listen(number: int) -> bool:
    family = socket.AF_INET6 if ":" in host() else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host(), number))
        except OSError:
            return False
    return True


def is_live() -> bool:
    """Whether the web process answers."""
    connection = http.client.HTTPConnection(reachable_host(), port(), timeout=2)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises CannotStart when another one holds it."""
    with (data / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            raise CannotStart(
                f"Spark-Ops already runs with the data in {data} ({holder}). "
                "Stop it first, or set SPARKOPS_DATA_DIR and PORT to run a second one."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {address()}")
        lock.flush()
        yield
