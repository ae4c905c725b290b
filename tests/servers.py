"""A pytest plugin that starts a PostgreSQL and a Valkey of our own before Django reads its settings.

Load it early (`-p tests.servers`). SPARKOPS_TEST_DATABASE_URL and SPARKOPS_TEST_REDIS_URL name servers
of yours instead; SPARKOPS_TEST_SUPERUSER_URL is then for the tests of roles, which are skipped without it. Under xdist
the controller starts everything: each worker has a PostgreSQL and a Valkey of its own,
because channels in Valkey know no walls, and because the activity feed of one waits for the open transactions of all.
"""

from __future__ import annotations

import atexit
import base64
import os
import secrets
import shutil
import tempfile

import pytest
from psycopg.conninfo import conninfo_to_dict

from controlplane.embedded.temporary import TemporaryServers

ON_WORKER = "PYTEST_XDIST_WORKER"
OWN_DATABASE, OWN_REDIS = "SPARKOPS_TEST_DATABASE_URL", "SPARKOPS_TEST_REDIS_URL"
SUPERUSER_URL = "SPARKOPS_TEST_SUPERUSER_URL"
servers: list[TemporaryServers] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if ON_WORKER not in os.environ and not getattr(options, "help", False):
        prepare_environment()


def prepare_environment() -> None:
    """Fill in every setting that the tests need; what a developer's shell says must not leak into them."""
    for name in ("PORT", "HOST", "DEBUG", "SENTRY_DSN", "BEHIND_TLS", "DATABASE_URL_FILE", "REDIS_URL_FILE"):
        os.environ.pop(name, None)
    data = tempfile.mkdtemp(prefix="sparkops-data-")
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    os.environ["SPARKOPS_DATA_DIR"] = data
    os.environ["SPARKOPS_INSTANCE_ROOTS"] = tempfile.gettempdir()
    os.environ["STRICT_WAITING"] = "1"
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["SPARKOPS_SECRETS_KEYS"] = f"test:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"
    mine = temporary()
    os.environ |= database(mine)
    os.environ["REDIS_URL"] = own_redis(0) or mine.start_valkey()


def database(mine: TemporaryServers) -> dict[str, str]:
    """The addresses of a new PostgreSQL, or of the given one."""
    given = os.environ.get(OWN_DATABASE)
    url = given or mine.start_postgres()
    superuser = {} if given else {SUPERUSER_URL: mine.superuser_url}
    return {"DATABASE_URL": url} | superuser | listed(url)


def temporary() -> TemporaryServers:
    """Servers of this session, ended whatever happens."""
    servers.append(TemporaryServers())
    atexit.register(servers[-1].stop)
    return servers[-1]


def listed(url: str) -> dict[str, str]:
    """As an administrator lists the address of a database that instances of tests may use."""
    parts = conninfo_to_dict(url)
    host, port = str(parts.get("host") or "localhost"), parts.get("port") or 5432
    sockets, allowed = (host, "") if host.startswith("/") else ("", f"{host}:{port}")
    return {"SPARKOPS_INSTANCE_SOCKETS": sockets, "SPARKOPS_OUTBOUND_ALLOW": allowed}


def own_redis(number: int) -> str:
    """The given Redis with a database number of its own; empty when none was given."""
    given = os.environ.get(OWN_REDIS, "")
    return f"{given.rstrip('/')}/{number}" if given.startswith("redis") else given


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list) -> None:  # type: ignore[type-arg]
    for number, spec in enumerate(specs, start=1):
        theirs = temporary()
        spec.env |= database(theirs)
        spec.env["REDIS_URL"] = own_redis(number) or theirs.start_valkey()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if ON_WORKER not in os.environ:
        for each in servers:
            each.stop()
