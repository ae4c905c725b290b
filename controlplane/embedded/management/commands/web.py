"""The web processes: pages, JSON API and live sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import get_resolver
from django.utils.module_loading import import_string

from controlplane.domain.database import limit_statements
from controlplane.embedded.listening import listening_socket
from controlplane.embedded.prefork import Prefork
from controlplane.embedded.reception import Limits
from controlplane.embedded.reloading import follow_sources
from controlplane.env import env_bool, env_int

FORWARDED = {
    "proxy_forwarded_address_header": "X-Forwarded-For",
    "proxy_forwarded_port_header": "X-Forwarded-Port",
    "proxy_forwarded_proto_header": "X-Forwarded-Proto",
}


class Command(BaseCommand):
    help = "Serve pages, JSON API and live sockets on HOST:PORT."
    # `check` does this; here it would only cost time at each start.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument(
            "--proxy-headers",
            action="store_true",
            default=env_bool("TRUST_PROXY_HEADERS"),
            help="Believe X-Forwarded-* headers: only behind a proxy of yours that replaces what a client sends.",
        )
        parser.add_argument(
            "--processes",
            type=int,
            default=env_int("WEB_PROCESSES", 0),
            help="How many share the work; by default as many as there are processors.",
        )
        parser.add_argument("--when", type=Path, help="Listen once this file exists; `up` makes it.")

    def handle(
        self, *, host: str, port: int, proxy_headers: bool, processes: int, when: Path | None, **options: Any
    ) -> None:
        limit_statements(seconds=settings.WEB_STATEMENT_SECONDS, lock_seconds=settings.WEB_LOCK_SECONDS)
        application = import_string(settings.ASGI_APPLICATION)
        # Load all pages now, not on the first request.
        get_resolver().url_patterns  # noqa: B018
        while when and not when.exists():
            time.sleep(0.02)
        try:
            listening = listening_socket(host, port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise CommandError(f"Cannot listen on {host}:{port}: {reason}.") from None
        count = 1 if settings.DEBUG else processes or processors()
        many = f" with {count} processes" if count > 1 else ""
        self.stdout.write(f"Listening on {host}:{port}{many}")
        self.stdout.flush()
        if count > 1:
            Prefork(lambda ready: serve(application, listening, proxy_headers, ready), count).run()
            return
        if settings.DEBUG:
            follow_sources()
        if serve(application, listening, proxy_headers):
            raise SystemExit(1)


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve(
    application: Any, listening: socket.socket, proxy_headers: bool, ready: Callable[[], None] = lambda: None
) -> int:
    """Until it is asked to end; the exit code."""
    # It chooses the event loop as it is imported, and each process needs one of its own.
    from controlplane.embedded.graceful import GracefulServer

    server = GracefulServer(
        application=application,
        limits=limits(behind_a_proxy=proxy_headers),
        listening=listening,
        ready=ready,
        # A handshake has to ask the database who it is; a restart of PostgreSQL takes a few seconds.
        websocket_handshake_timeout=10,
        # Sockets send no more than a token and a cursor.
        websocket_max_message_size=64 * 1024,
        websocket_max_frame_size=64 * 1024,
        server_name="spark-ops",
        **(FORWARDED if proxy_headers else {}),
    )
    server.run()
    return 1 if server.failed else 0


def limits(*, behind_a_proxy: bool) -> Limits:
    """A proxy brings the requests of everybody from one address, and sends none before it has the whole of it."""
    return Limits(
        body_bytes=settings.MAX_BODY_BYTES,
        headers_seconds=settings.HTTP_HEADERS_SECONDS,
        body_seconds=settings.HTTP_BODY_SECONDS,
        idle_seconds=settings.HTTP_IDLE_SECONDS,
        answer_seconds=settings.HTTP_ANSWER_SECONDS,
        half_sent=0 if behind_a_proxy else settings.HTTP_HALF_SENT,
    )
