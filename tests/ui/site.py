"""A small HTTP server for browser tests: the built static files, the pages a test sets, and answers it scripts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import django_htmx

from controlplane.embedded.folders import REPOSITORY

HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws:"
# As the portal's own pages have it.
OWN_HEAD = (REPOSITORY / "templates/layout/head.html").read_text()
HTMX_CONFIG = OWN_HEAD[OWN_HEAD.index('<meta name="htmx-config"') : OWN_HEAD.index("<link")]
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title>
{htmx}
<link rel="stylesheet" href="/static/app.css"><script src="/static/htmx.js" defer></script>
<script src="/static/app.js" defer></script><script src="/static/editor.js" defer></script>
<script src="/static/charts.js" defer></script></head>
""".replace("{htmx}", HTMX_CONFIG)


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    body: str = ""
    status: int = 200
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """`site.answers["/part/"] = lambda seen: Answer(…)`; `site.page(html)` is the address of a page with that body."""

    def __init__(self, dist: Path) -> None:
        self.dist = dist
        self.answers: dict[str, Callable[[Seen], Answer]] = {}
        self.seen: list[Seen] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))

    def __enter__(self) -> Site:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def page(self, body: str, zone: str = "UTC") -> str:
        opening = f'<body data-icons="/static/icons.svg" data-zone="{zone}">'
        self.answers["/"] = lambda seen: Answer(f"{HEAD}{opening}{body}<toast-stack></toast-stack></body></html>")
        return f"{self.address}/"

    def requests(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        file = HTMX if seen.path == "/static/htmx.js" else self.dist / seen.path.removeprefix("/static/")
        if seen.path.startswith("/static/") and file.is_file():
            return Answer(file.read_text(), content_type=TYPES[file.suffix])
        reply = self.answers.get(seen.path)
        return reply(seen) if reply else Answer(status=404)


def handler_for(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            query, body = (
                {name: values[-1] for name, values in parse_qs(part, keep_blank_values=True).items()}
                for part in (address.query, text)
            )
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = site.answer(Seen(self.command, address.path, query, body, headers))
            data = reply.body.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": f"{reply.content_type}; charset=utf-8", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler
