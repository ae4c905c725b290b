"""What Daphne and Twisted lack between the socket and the application: limits on what is sent, and on who is slow.

Without it a body of any size is on the disk before anybody looks who sent it, and a byte a minute holds a connection.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

# Daphne's server comes first: it must be the one that chooses Twisted's reactor.
import daphne.server  # noqa: F401  isort: skip
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.web.http import HTTPChannel

from controlplane.domain.errors import ProblemError
from controlplane.embedded.drain import Drain
from controlplane.embedded.reception import (
    HalfSent,
    Limits,
    TooSlow,
    body_too_large,
    headers_too_large,
    not_http,
    refusal,
    source_of,
    too_many_half_sent,
    too_many_pieces,
)

# A connection that has said nothing for so long counts as a half-sent request.
SILENCE_SECONDS = 1
# Each costs the thread that serves everybody some microseconds, however short it is.
MOST_PIECES = 8192
# After a refusal the rest is heard and dropped: who closes at once takes the answer away from who is still sending.
LINGER_SECONDS = 3
LINGER_BYTES = 16 * 1024 * 1024


class Phase(Enum):
    NEW = auto()
    RECEIVING = auto()
    ANSWERING = auto()
    IDLE = auto()
    REFUSED = auto()
    CLOSING = auto()


class Request(WebRequest):
    """Daphne's, whose body stops growing at the limit."""

    def __init__(self, *args: Any) -> None:
        # Twisted would read forms too, on the thread that serves all sockets, and nobody asks it for them.
        super().__init__(*args, parsePOSTFormSubmission=False)
        self.received_bytes = self.received_pieces = 0

    def handleContentChunk(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self.received_pieces += 1
        if self.received_pieces > MOST_PIECES:
            self.channel.refuse(too_many_pieces())
        elif self.received_bytes > self.channel.limits.body_bytes:
            self.channel.refuse(body_too_large(self.channel.limits.body_bytes))
        else:
            super().handleContentChunk(data)


class Channel(HTTPChannel):
    """One connection. Each phase has its own deadline, which arriving bytes do not put off."""

    maxHeaders = 100
    factory: Factory
    transport: Any
    _savedTimeOut: Any
    phase = Phase.NEW
    counted = False
    overheard_bytes = 0

    @property
    def limits(self) -> Limits:
        return self.factory.limits

    def connectionMade(self) -> None:
        self.drain = Drain()
        self.source = source_of(getattr(self.transport.getPeer(), "host", ""))
        super().connectionMade()
        self.setTimeout(min(SILENCE_SECONDS, self.limits.headers_seconds))

    def dataReceived(self, data: bytes) -> None:
        if self.phase in (Phase.NEW, Phase.IDLE):
            self.begin()
        super().dataReceived(data)
        self.refuse_one_too_many()

    def resetTimeout(self) -> None:
        """Twisted's answer to each packet: the deadline stays."""

    def begin(self) -> None:
        self.phase = Phase.RECEIVING
        self.counted = self.factory.half_sent.take(self.source)
        self.setTimeout(self.limits.headers_seconds)

    def refuse_one_too_many(self) -> None:
        """What came whole in one piece is not half-sent: it is answered however many others are."""
        if self.phase is Phase.RECEIVING and not self.counted:
            self.refuse(too_many_half_sent(self.limits.half_sent))

    def lineReceived(self, line: bytes) -> None:
        if self.phase is not Phase.REFUSED:
            super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        try:
            return super().headerReceived(line)
        except ValueError:
            # A Content-Length of more digits than Python reads.
            self.refuse(body_too_large(self.limits.body_bytes))
            return False

    def allHeadersReceived(self) -> None:
        problem = self.problem_of_headers()
        if problem:
            self.refuse(problem)
        elif self.phase is not Phase.REFUSED:
            self.setTimeout(self.limits.body_seconds)
            super().allHeadersReceived()

    def problem_of_headers(self) -> ProblemError | None:
        if self.length is not None and self.length > self.limits.body_bytes:
            return body_too_large(self.limits.body_bytes)
        headers = self.requests[-1].requestHeaders
        codings, hosts = headers.getRawHeaders(b"Transfer-Encoding", []), headers.getRawHeaders(b"Host", [])
        is_newer = self._version == b"HTTP/1.1"
        is_chunked = is_newer and [one.lower() for one in codings] == [b"chunked"]
        # A proxy in front may take anything else for something else: that is how requests are smuggled past it.
        is_clear = (is_chunked or not codings) and (len(hosts) == 1 or not (hosts or is_newer))
        return None if is_clear else not_http()

    def allContentReceived(self) -> None:
        if self.phase is not Phase.REFUSED:
            self.phase = Phase.ANSWERING
            self.stop_counting()
            super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        if self.phase is not Phase.REFUSED:
            super().rawDataReceived(data)
            return
        self.overheard_bytes += len(data)
        if self.overheard_bytes > LINGER_BYTES:
            self.transport.pauseProducing()

    def requestDone(self, request: Any) -> None:
        self.phase = Phase.IDLE
        self._savedTimeOut = self.limits.idle_seconds
        super().requestDone(request)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(headers_too_large(self.totalHeadersSize, self.maxHeaders))

    def _respondToBadRequestAndDisconnect(self) -> None:
        too_large = self._receivedHeaderSize > self.totalHeadersSize or self._receivedHeaderCount > self.maxHeaders
        self.refuse(headers_too_large(self.totalHeadersSize, self.maxHeaders) if too_large else not_http())

    def refuse(self, problem: ProblemError) -> None:
        """Say why and end the connection. Nothing that comes after it is read."""
        if self.phase in (Phase.REFUSED, Phase.CLOSING):
            return
        self.phase = Phase.REFUSED
        self.stop_counting()
        self.setRawMode()
        self._networkProducer.unregisterProducer()
        self.transport.write(refusal(problem))
        self.transport.loseWriteConnection()
        self.setTimeout(LINGER_SECONDS)

    def timeoutConnection(self) -> None:
        match self.phase:
            case Phase.NEW:
                self.begin()
                self.refuse_one_too_many()
            case Phase.RECEIVING:
                self.refuse(TooSlow("Send it in one go, over a better connection, or in smaller parts."))
            case Phase.REFUSED | Phase.CLOSING:
                self.transport.abortConnection()
            case _:
                self.loseConnection()

    def loseConnection(self) -> None:
        """Once what is written has left, or the one who should read it has had its time."""
        self.phase = Phase.CLOSING
        self.setTimeout(self.limits.answer_seconds)
        super().loseConnection()

    def pauseProducing(self) -> None:
        self.drain.pauseProducing()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.drain.resumeProducing()
        super().resumeProducing()

    def connectionLost(self, reason: Any = None) -> None:
        self.drain.stopProducing()
        self.stop_counting()
        super().connectionLost(reason)

    def stop_counting(self) -> None:
        if self.counted:
            self.counted = False
            self.factory.half_sent.give_back(self.source)


class Factory(HTTPFactory):
    """Makes a Channel for each connection."""

    protocol = Channel

    def __init__(self, server: Any, limits: Limits) -> None:
        super().__init__(server)
        self.limits = limits
        self.half_sent = HalfSent(limits.half_sent)
        self.timeOut = limits.idle_seconds

    def buildProtocol(self, addr: Any) -> Any:
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel
