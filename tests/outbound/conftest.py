from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.client import OutboundClient
from controlplane.outbound.exchange import OutboundRequest, OutboundResponse
from tests.outbound.hostile import HostileServer
from tests.outbound.tls import TlsServer

Fetch = Callable[..., OutboundResponse]


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
def outbound(server: HostileServer) -> OutboundClient:
    """May reach the hostile server and nothing else that is private."""
    return OutboundClient(AllowList.parse([f"127.0.0.1:{server.port}"]))


@pytest.fixture
def fetch(server: HostileServer, outbound: OutboundClient) -> Fetch:
    def fetch(path: str, token: CancelToken | None = None, **options: object) -> OutboundResponse:
        request = OutboundRequest(url=server.url + path, **{"timeout_seconds": 5, **options})
        return outbound.send(request, token=token or CancelToken())

    return fetch


@pytest.fixture
def failure(fetch: Fetch) -> Callable[..., Failure]:
    """The failure a call ends in."""

    def failure(path: str, **options: object) -> Failure:
        with pytest.raises(Failure) as caught:
            fetch(path, **options)
        return caught.value

    return failure


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[TlsServer]:
    server = TlsServer(tmp_path)
    yield server
    server.close()
