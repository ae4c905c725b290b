"""The one entry point of the web process: HTTP to Django, sockets to the live consumers."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from controlplane.events.sockets import socket_application  # noqa: E402
from controlplane.projects.limits import BodyLimit  # noqa: E402

application = ProtocolTypeRouter({"http": BodyLimit(django_application), "websocket": socket_application})
