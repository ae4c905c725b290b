"""For load balancers and collectors: alive, ready, measured."""

from __future__ import annotations

import prometheus_client
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from controlplane.home.monitoring.metrics import INSTALLATION
from controlplane.projects.requests.throttling import counters


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 while PostgreSQL does not answer.

    Without Valkey people still sign in and see and change everything, so no load balancer may turn them away: 200, and
    `degraded`.
    """
    checks = {"database": database_answers(), "broker": broker_answers()}
    status = "ok" if all(checks.values()) else "degraded" if checks["database"] else "unavailable"
    return JsonResponse({"status": status, "checks": checks}, status=200 if checks["database"] else 503)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except (DatabaseError, PoolTimeout):
        return False


def broker_answers() -> bool:
    try:
        return bool(counters().ping())
    except (RedisError, OSError):
        return False


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: this process, and the installation as a whole."""
    text = prometheus_client.generate_latest() + prometheus_client.generate_latest(INSTALLATION)
    return HttpResponse(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)
