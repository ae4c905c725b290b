"""Bodies are counted before anyone reads them, under any server: Django's ASGI handler would spool any size to disk.

Ours (`embedded/channel.py`) lets none of them come so far.
"""

from __future__ import annotations

import json

from django.conf import settings

from controlplane.domain.errors import PayloadTooLarge


class BodyLimit:
    """ASGI middleware: answers 413 once a request body passes MAX_BODY_BYTES."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 18 or int(length) > settings.MAX_BODY_BYTES:
            await refuse(send)
            return
        seen = 0
        refused = False

        async def counted():
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > settings.MAX_BODY_BYTES and not refused:
                refused = True
                await refuse(send)
            return {"type": "http.disconnect"} if refused else message

        async def guarded(message) -> None:
            if not refused:
                await send(message)

        await self.application(scope, counted, guarded)


async def refuse(send) -> None:
    mebibytes = settings.MAX_BODY_BYTES // (1024 * 1024)
    problem = PayloadTooLarge(f"A request body may have {mebibytes} MiB at most.").as_problem()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
