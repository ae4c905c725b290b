"""The Celery application: messages are bells that carry one id; nothing of value lives in the broker."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport.redis import Channel, Transport
from redis.exceptions import ConnectionError as RedisConnectionError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
# A message may be lost, so nobody waits for a broker that hangs.
SEND_SECONDS = 1.0


class OneClientChannel(Channel):
    """Keeps the client that kombu makes anew for each message it sends and acknowledges."""

    _kept: Any = None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """Whoever sends waits a second at most; a worker that waits for messages does so for longer."""
        parameters = super()._connparams(asynchronous=asynchronous)
        return parameters if asynchronous else {**parameters, "socket_timeout": SEND_SECONDS}

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._kept is None or self._pool not in (None, self._kept.connection_pool):
            self._kept = self._new_client()
        return self._kept

    def _new_client(self) -> Any:
        try:
            return super()._create_client()
        except AttributeError as error:
            # Kombu forgets the address before it closes its channels; as an error of the connection it is passed over.
            raise RedisConnectionError("The connection to the broker is closed.") from error


class OneClientTransport(Transport):
    Channel = OneClientChannel


class FastReconnect(Connection):
    """Looks for a broker that is away every second or so; Celery's own pauses grow to half a minute."""

    def get_transport_cls(self) -> type[Transport]:
        return OneClientTransport

    def _ensure_connection(self, errback: Any = None, max_retries: Any = None, *args: Any, **kwargs: Any) -> Any:
        pauses = {} if args else {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 1.5}
        return super()._ensure_connection(errback, max_retries, *args, **pauses | kwargs)


class FastReconnectAMQP(AMQP):
    Connection = FastReconnect


app = Celery("controlplane", amqp=FastReconnectAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_default_queue="default",
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A broker that is full refuses what a worker writes: then it tries again, and does not end.
    broker_channel_error_retry=True,
    accept_content=["json"],
)
app.autodiscover_tasks()
