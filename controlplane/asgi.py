"""The one entry point of the web process: HTTP to Django, sockets to the live consumers."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402

from controlplane.events.live.sockets import socket_application  # noqa: E402
from controlplane.handler import OneThreadHandler  # noqa: E402
from controlplane.projects.requests.body_limit import BodyLimit  # noqa: E402

application = ProtocolTypeRouter({"http": BodyLimit(OneThreadHandler()), "websocket": socket_application})
