"""Where a PostgreSQL connection goes: each host of the URL is resolved and checked by the outbound client's rules, and
libpq is handed just the addresses that passed. It resolves nothing itself, and reads neither the environment nor the
home of the worker: what stands there is the portal's, not the instance's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from posixpath import normpath

from django.conf import settings

from agents.databases import own_database
from controlplane.domain.failures import Misconfigured
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.client import settings_allow
from controlplane.outbound.failures import AddressRefused, NameNotResolved
from controlplane.outbound.network import AddressGuard, is_literal

logger = logging.getLogger(__name__)
MAX_HOSTS, MAX_ADDRESSES = 10, 16
DEFAULT_PORT = "5432"
NOWHERE = "/nonexistent"
# Every option that libpq would otherwise take from a PG... variable or from a file in the home of who runs the worker.
OURS = {
    "password": "",
    "passfile": NOWHERE,
    "client_encoding": "",
    "options": "",
    "channel_binding": "prefer",
    "target_session_attrs": "any",
    "load_balance_hosts": "disable",
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
    # No certificate, ticket or token of the worker's signs in for an instance.
    "require_auth": "none,password,md5,scram-sha-256",
    "requirepeer": "",
    "gssencmode": "disable",
    "gssdelegation": "0",
    "gsslib": "",
    "krbsrvname": "postgres",
    "sslnegotiation": "postgres",
    "sslcertmode": "disable",
    "sslcert": NOWHERE,
    "sslkey": NOWHERE,
    "sslcrl": NOWHERE,
    "sslcrldir": "",
    "sslcompression": "0",
    "sslsni": "1",
    "ssl_min_protocol_version": "TLSv1.2",
    "ssl_max_protocol_version": "",
}
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable",),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}


def check(conninfo: Mapping[str, str]) -> None:
    """Raises `Misconfigured` for what no connection can be made with; nothing is resolved or opened."""
    for name, choices in CHOICES.items():
        if conninfo.get(name, choices[0]) not in choices:
            raise Misconfigured(f"In the PostgreSQL URL, {name} is one of {', '.join(choices)}.")
    hosts_of(conninfo)
    certificates_of(conninfo)


def options_for(conninfo: Mapping[str, str], *, seconds: int, guard: AddressGuard | None = None) -> dict[str, str]:
    """Everything libpq is told, for one connection now. Raises `AddressRefused` naming what the URL names.

    It resolves names, which takes as long as it takes.
    """
    guard = guard or AddressGuard(AllowList.parse(settings_allow()))
    found = [(name, address, str(port)) for host, port in hosts_of(conninfo)
             for name, address in _destinations(conninfo, host, port, guard)]  # fmt: skip
    hosts, addresses, ports = (",".join(part) for part in zip(*found[:MAX_ADDRESSES], strict=True))
    where = {"host": hosts, "hostaddr": addresses, "port": ports}
    session = {"application_name": "spark-ops", "connect_timeout": str(seconds)}
    return OURS | dict(conninfo) | certificates_of(conninfo) | where | session


def hosts_of(conninfo: Mapping[str, str]) -> list[tuple[str, int]]:
    """Host and port of each server that the URL lists. Raises `Misconfigured`."""
    hosts = conninfo["host"].split(",")
    ports = conninfo.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    if not all(hosts) or len(ports) != len(hosts) or len(hosts) > MAX_HOSTS:
        raise Misconfigured(f"The PostgreSQL URL lists 1 to {MAX_HOSTS} hosts, and a port for each or one for all.")
    return list(zip(hosts, (_port(text or DEFAULT_PORT) for text in ports), strict=True))


def certificates_of(conninfo: Mapping[str, str]) -> dict[str, str]:
    """How the server's certificate is verified, never with a file that nobody listed. Raises `Misconfigured`."""
    given = conninfo.get("sslrootcert", "")
    if given not in ("", "system", own_database.certificate(), *settings.INSTANCE_CERTIFICATES):
        raise Misconfigured(
            "The PostgreSQL URL may only name system as sslrootcert, or a file that an administrator has listed in "
            "SPARKOPS_INSTANCE_CERTIFICATES."
        )
    mode = conninfo.get("sslmode") or ("verify-full" if given == "system" else "prefer")
    if mode == "verify-ca" and not given:
        raise Misconfigured("In the PostgreSQL URL, sslmode=verify-ca needs an sslrootcert; or use verify-full.")
    if given == "system" and mode != "verify-full":
        raise Misconfigured("In the PostgreSQL URL, sslrootcert=system needs sslmode=verify-full.")
    return {"sslmode": mode, "sslrootcert": given or ("system" if mode == "verify-full" else NOWHERE)}


def typed(conninfo: Mapping[str, str]) -> str:
    """Hosts and ports as the URL has them, for messages."""
    return ", ".join(_place(host, port) for host, port in hosts_of(conninfo))


def _destinations(conninfo: Mapping[str, str], host: str, port: int, guard: AddressGuard) -> list[tuple[str, str]]:
    """What libpq is given for one host: the name that a certificate must have, and an address that passed."""
    own = own_database.admits(conninfo, host, port)
    if _is_socket(host):
        # As it was compared: through a link, the path as it was typed could lead elsewhere.
        folder = normpath(host)
        if not own and folder not in map(normpath, settings.INSTANCE_SOCKETS):
            raise _refused(host, port)
        return [(folder, "")]
    try:
        found = guard.resolved(host, port) if own else guard.endpoints(host, port)
    except (AddressRefused, NameNotResolved) as failure:
        raise _refused(host, port) from failure
    return [(host, str(sockaddr[0])) for _, sockaddr in found]


def _refused(host: str, port: int) -> AddressRefused:
    """The same for a name that leads nowhere and for one that leads to a denied address: which, the log knows."""
    if _is_socket(host):
        how = "An administrator lists the folders of sockets that instances may use in SPARKOPS_INSTANCE_SOCKETS."
    else:
        how = "Check the name; an administrator can allow a private address with SPARKOPS_OUTBOUND_ALLOW."
    by_name = not _is_socket(host) and not is_literal(host)
    message = f"{_place(host, port)} leads to no address that instances may reach. {how}"
    return AddressRefused(message, retryable=by_name, host=host, port=port)


def _is_socket(host: str) -> bool:
    """libpq takes a path for a folder of sockets, and a name with @ for an abstract socket."""
    return host.startswith(("/", "@"))


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:6]) < 65536:
        raise Misconfigured("A port in the PostgreSQL URL is not a number from 1 to 65535.")
    return int(text)
