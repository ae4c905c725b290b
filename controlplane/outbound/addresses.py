"""Which network addresses the portal may talk to.

The standard library alone is not enough: `is_private` is False for CGNAT, NAT64 and site-local addresses and
`is_global` is True for several of them, so embedded IPv4 addresses are unwrapped and own lists are added.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
    )
)
SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "64:ff9b:1::/48",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
    )
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE = ipaddress.ip_network("::/96")
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def plain(address: Address) -> Address:
    """The address a socket really reaches: an IPv4-mapped IPv6 address is its IPv4 address."""
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def embedded(address: Address) -> list[Address]:
    """IPv4 addresses a relay would forward to: 6to4, Teredo (server and client), NAT64, IPv4-compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = list(address.teredo or ())
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address in NAT64 or address in COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


@lru_cache(maxsize=4096)
def denied_because(address: Address) -> str:
    """Why the address is not part of the public internet; empty when it is."""
    address = plain(address)
    for inner in embedded(address):
        if reason := denied_because(inner):
            return f"it carries {inner}, {reason}"
    if address in NAT64:
        return ""
    return _own_reason(address)


def _own_reason(address: Address) -> str:
    special = any(address in network for network in SPECIAL if network.version == address.version)
    reasons = (
        (address in METADATA, "a cloud metadata address"),
        (address.is_unspecified, "the unspecified address"),
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (getattr(address, "is_site_local", False), "a site-local address"),
        (special, "a special address"),
        (address.is_private, "a private address"),
        (address.is_reserved or not address.is_global, "a reserved address"),
        (address.version == 6 and address not in GLOBAL_UNICAST, "outside global unicast"),
    )
    return next((text for matches, text in reasons if matches), "")


NEVER_BY_NAME = ("metadata", "link-local", "multicast", "unspecified", "reserved")


@dataclass(frozen=True)
class AllowList:
    """Addresses allowed although they are not public: networks (any port), `address:port` and `name:port`.

    A `name:port` entry lets that name resolve to a private or loopback address, never to a metadata,
    link-local or multicast one: who controls the name's records must not gain those.
    """

    networks: tuple[Network, ...] = ()
    endpoints: frozenset[tuple[Address, int]] = frozenset()
    names: frozenset[tuple[str, int]] = frozenset()
    entries: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowList:
        """Raises ValueError naming the entry that is neither `host:port` nor a CIDR network."""
        entries = tuple(entry.strip() for entry in entries if entry.strip())
        networks, endpoints, names = [], set(), set()
        for entry in entries:
            network = _as_network(entry)
            if network is not None:
                networks.append(network)
                continue
            host, port = _as_endpoint(entry)
            address = _as_address(host)
            if address is None:
                names.add((host.lower().rstrip("."), port))
            else:
                endpoints.add((plain(address), port))
        return cls(tuple(networks), frozenset(endpoints), frozenset(names), entries)

    def refusal(self, host: str, port: int, address: Address) -> str:
        """Why `host` at `address`:`port` may not be reached; empty when it may."""
        address = plain(address)
        if (address, port) in self.endpoints or any(address in network for network in self._of(address)):
            return ""
        reason = denied_because(address) or ("an address of this machine" if is_own(address) else "")
        named = (host.lower().rstrip("."), port) in self.names
        return "" if named and not any(word in reason for word in NEVER_BY_NAME) else reason

    def _of(self, address: Address) -> list[Network]:
        return [network for network in self.networks if network.version == address.version]


def is_own(address: Address) -> bool:
    """Whether a public-looking address belongs to this machine; only such an address can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _as_network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _as_endpoint(entry: str) -> tuple[str, int]:
    host, _, port = entry.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{entry!r} is neither host:port nor a network such as 10.0.0.0/8.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
