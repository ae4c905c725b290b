"""The outside world, as a process of its own: an HTTP server that writes down every request it gets, and syncs it.

`python -m tests.faults.ledger FILE` prints its port. A request's JSON may say `delay` (seconds until the answer).
Side effects are counted from FILE only, never from the database.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One request as it arrived. `at` is in seconds since the epoch."""

    at: float
    key: str
    path: str
    body: dict


def read(path: Path) -> list[Entry]:
    return list(entries(path))


def entries(path: Path) -> Iterator[Entry]:
    for line in path.read_text().splitlines():
        yield Entry(**json.loads(line))


def serve(path: Path) -> None:
    lock = threading.Lock()
    file = path.open("a")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = time.time()
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")
            key = self.headers.get("Idempotency-Key", "")
            with lock:
                file.write(json.dumps({"at": at, "key": key, "path": self.path, "body": body}) + "\n")
                file.flush()
                os.fsync(file.fileno())
            time.sleep(body.get("delay", 0))
            content = json.dumps({"at": at}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 200

        def handle_error(self, *_: object) -> None:
            """Callers that were killed are what this suite is about."""

    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
