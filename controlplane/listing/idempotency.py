"""Creates that may be sent twice: the same Idempotency-Key makes one thing and gets one answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from controlplane.domain.errors import IdempotencyMismatch, InvalidInput
from controlplane.projects.models import IdempotencyKey, Project

HEADER = "Idempotency-Key"
# As long as any client would go on retrying; after it the row is only ballast.
KEPT = timedelta(days=1)
LONGEST = 200


def idempotent(post: Callable[..., Response]) -> Callable[..., Response]:
    """Make `post(self, request, …)` of a ProjectEndpoint honour the header.

    The key's row and what `post` makes are one transaction: a twin that comes meanwhile waits at the row and then gets
    the first answer; an attempt that is refused or crashes leaves no row, so the next one starts afresh. Raises
    IdempotencyMismatch when the key comes with another body.
    """

    @wraps(post)
    def once(endpoint: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return post(endpoint, request, *args, **kwargs)
        if len(key) > LONGEST or not key.isprintable():
            raise InvalidInput.field(HEADER, f"Send at most {LONGEST} printable characters.")
        project = endpoint.project(body_of(request).get("project"))
        with transaction.atomic():
            row, is_first = claim(project, owner_of(request), key, fingerprint(request))
            if not is_first:
                return repeated(row)
            return remember(row, post(endpoint, request, *args, **kwargs))

    return once


def body_of(request: Request) -> dict[str, Any]:
    return request.data if isinstance(request.data, dict) else {}


def claim(project: Project, owner: str, key: str, wanted: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether it is ours. The unique index makes twins wait here until the first one ends."""
    made = IdempotencyKey(project=project, owner=owner, key=key, request_hash=wanted)
    IdempotencyKey.objects.bulk_create([made], ignore_conflicts=True)
    row = IdempotencyKey.objects.get(project=project, owner=owner, key=key)
    if row.request_hash != wanted:
        raise IdempotencyMismatch(f"The {HEADER} “{key}” was sent with another request before. Use a new one.")
    return row, row.status is None


def remember(row: IdempotencyKey, response: Response) -> Response:
    """Keep the answer of a success. Errors are raised, not returned, so they never come here."""
    row.status, row.body = response.status_code, json.loads(json.dumps(response.data, cls=JSONEncoder))
    row.save(update_fields=["status", "body"])
    return response


def repeated(row: IdempotencyKey) -> Response:
    return Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})


def owner_of(request: Request) -> str:
    """A token, or a person however they signed in."""
    token = getattr(request.auth, "prefix", None)
    return f"token:{token}" if token else f"user:{request.user.pk}"


def fingerprint(request: Request) -> str:
    """SHA-256 of method, path and body; the order of the body's fields does not matter."""
    text = json.dumps([request.method, request.path.rstrip("/"), request.data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def forget_old_answers(now: datetime) -> int:
    """Delete the keys that no client will send again; how many."""
    return IdempotencyKey.objects.filter(created_at__lt=now - KEPT).delete()[0]
