"""A real SMTP server on 127.0.0.1: just enough to take letters, or to refuse them."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_string
from email.message import Message


class MailServer:
    """`letters` are (recipients, message). With `refuses` it takes none. Use as a context manager."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], Message]] = []
        self.refuses = False
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> MailServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 here")
                to: list[str] = []
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == "RCPT":
                        to.append(line.partition("<")[2].partition(">")[0])
                    if verb == "DATA":
                        self.take(to)
                    else:
                        self.say("451 later" if verb == "MAIL" and server.refuses else "250 fine")

            def take(self, to: list[str]) -> None:
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                    lines.append(line)
                server.letters.append((to, message_from_string("".join(lines))))
                self.say("250 taken")

        return Handler
