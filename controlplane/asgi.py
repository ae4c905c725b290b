"""The one entry point of the web process: HTTP to Django, sockets to the live consumers."""

from __future__ import annotations

import os

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup(set_prefix=False)


class OneThreadHandler(ASGIHandler):
    """Middleware and view in one thread: otherwise each synchronous middleware costs two changes of thread."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


django_application = OneThreadHandler()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from controlplane.events.sockets import socket_application  # noqa: E402
from controlplane.projects.limits import BodyLimit  # noqa: E402

application = ProtocolTypeRouter({"http": BodyLimit(django_application), "websocket": socket_application})
