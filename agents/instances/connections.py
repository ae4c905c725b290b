"""An instance's URL: sealed in the database, opened only to connect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from agents.calls.addresses import REFERENCE, part
from agents.catalogue.secret_references import replaced, secrets_in
from agents.databases.connect import Connection, parse_connection
from agents.databases.files import kept_to
from agents.databases.query import inspect
from agents.databases.result import InstanceReport
from agents.instances.portal_database import locate_portal
from agents.models import Engine, Instance
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import lend_connection
from controlplane.domain.errors import InvalidInput
from controlplane.domain.failures import Misconfigured
from controlplane.domain.redaction import Redactor
from controlplane.projects.secrets import encryption

INSPECT_SECONDS = 5.0


@dataclass(frozen=True)
class Opened:
    """A connection that can be used now, and what must never be shown of it."""

    connection: Connection
    redactor: Redactor


def open_url(project_id: int, engine: str, url: str) -> Opened:
    """Raises `Misconfigured` for a URL that cannot be used as it is; its message holds no secret."""
    secrets = secrets_in(project_id, url)
    whole = engine != Engine.POSTGRES or REFERENCE.match(url) is not None
    text = replaced(url, lambda name: secrets[name] if whole else part(secrets[name]))
    redactor = Redactor(secrets.values())
    # A folder may lie on a slow disk, or on another machine.
    lend_connection()
    try:
        connection = kept_to_project(project_id, parse_connection(engine, text))
    except Misconfigured as failure:
        raise Misconfigured(redactor.text(failure.message)) from None
    connection = replace(connection, portal=locate_portal)
    return Opened(connection, Redactor([*secrets.values(), *connection.secrets]))


def kept_to_project(project_id: int, connection: Connection) -> Connection:
    """Each project has its folder of warehouse files; nobody opens another's, nor finds it by a pattern."""
    if connection.place is None:
        return connection
    shared = Path(settings.DATA_DIR) / "warehouse"
    return replace(connection, place=kept_to(connection.place, shared=shared, own=shared / str(project_id)))


def open_instance(instance: Instance) -> Opened:
    """Raises `Misconfigured`, also when no configured key opens the sealed URL."""
    try:
        url = encryption.unseal(instance.sealed_url, bound_to=place(instance))
    except encryption.Unreadable as error:
        raise Misconfigured(f"The connection of {instance.name}: {error}") from None
    return open_url(instance.project_id, instance.engine, url)


def seal_url(instance: Instance, url: str) -> None:
    """Keep `url` in the row, bound to its project and name, and what of it may be shown."""
    instance.sealed_url = encryption.seal(url, bound_to=place(instance))


def stored_url(instance: Instance) -> str:
    """The URL as it was written."""
    return encryption.unseal(instance.sealed_url, bound_to=place(instance))


def place(instance: Instance) -> str:
    """What the sealed URL of this instance is bound to: moved elsewhere it cannot be opened."""
    return f"instance:{instance.project_id}:{instance.name}"


def address_of(url: str, opened: Opened) -> str:
    """Host, port and database, or the path: never a user name or password."""
    conninfo = opened.connection.conninfo
    if not conninfo:
        return opened.redactor.text(url.strip())[:500]
    host, port = conninfo.get("host", ""), conninfo.get("port", "5432")
    return opened.redactor.text(f"{host}:{port}/{conninfo.get('dbname', '')}")[:500]


def examined(project_id: int, engine: str, url: str, token: CancelToken | None = None) -> tuple[str, dict[str, Any]]:
    """Connect and look, within five seconds: the address that may be shown, and the report.

    Raises InvalidInput on `url` for a connection that must not be used.
    """
    try:
        opened = open_url(project_id, engine, url)
    except Misconfigured as failure:
        raise InvalidInput.field("url", failure.message) from None
    report = report_on(opened, token)
    if not report.ok:
        raise InvalidInput.field("url", " ".join(report.problems), "not_usable")
    return address_of(url, opened), report.as_dict()


def report_on(opened: Opened, token: CancelToken | None) -> InstanceReport:
    """After INSPECT_SECONDS at most; without secrets. Raises a `Failure`."""
    outer = token or CancelToken()
    inner = outer.within(INSPECT_SECONDS, "test")
    with outer.interrupting(lambda: inner.cancel(outer.reason)):
        report = inspect(opened.connection, token=inner)
    return replace(report, problems=[opened.redactor.text(problem) for problem in report.problems])


def looked_at(instance: Instance, token: CancelToken | None = None) -> dict[str, Any]:
    """The report for the page and the API; never raises for a connection that fails."""
    try:
        report = report_on(open_instance(instance), token)
    except Misconfigured as failure:
        report = InstanceReport(problems=[failure.message])
    return report.as_dict()
