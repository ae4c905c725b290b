"""The socket that web processes share: opened once, so that it outlives each of them."""

from __future__ import annotations

import socket

BACKLOG = 1024


def listening_socket(host: str, port: int) -> socket.socket:
    """Raises OSError when the address is taken or not ours."""
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # A connection that another process took first must not hold up this one.
    opened.setblocking(False)
    return opened
