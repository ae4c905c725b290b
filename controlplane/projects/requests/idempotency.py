"""Creates that may be sent twice: the same Idempotency-Key makes one thing and gets one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from controlplane.domain.errors import Conflict, IdempotencyMismatch, InvalidInput
from controlplane.projects.models import IdempotencyKey, Project
from controlplane.projects.secrets.encryption import Unreadable, seal, unseal

HEADER = "Idempotency-Key"
# As long as any client would go on retrying; after it the row is only ballast.
KEPT = timedelta(days=1)
LONGEST = 200


def idempotent(post: Callable[..., Response]) -> Callable[..., Response]:
    """Make `post(self, request, …)` of an Endpoint honour the header.

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

    vars(once)["is_idempotent"] = True
    return once


def body_of(request: Request) -> dict[str, Any]:
    return request.data if isinstance(request.data, dict) else {}


def claim(project: Project | None, owner: str, key: str, wanted: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether it is ours. The unique index makes twins wait here until the first one ends."""
    mine = IdempotencyKey.objects.filter(project=project, owner=owner, key=key)
    # Forgotten on time, also when no sweep has come by yet.
    mine.filter(created_at__lt=timezone.now() - KEPT).delete()
    made = IdempotencyKey(project=project, owner=owner, key=key, request_hash=wanted)
    IdempotencyKey.objects.bulk_create([made], ignore_conflicts=True)
    row = mine.get()
    if row.request_hash != wanted:
        raise IdempotencyMismatch(f"The {HEADER} “{key}” was sent with another request before. Use a new one.")
    return row, row.status is None


def remember(row: IdempotencyKey, response: Response) -> Response:
    """Keep the answer of a success, sealed when it says `no-store`. Errors are raised, so they never come here."""
    text = json.dumps(response.data, cls=JSONEncoder)
    is_private = "no-store" in response.get("Cache-Control", "")
    row.body = {"sealed": seal(text, bound_to=place(row))} if is_private else {"text": text}
    row.status = response.status_code
    row.save(update_fields=["status", "body"])
    return response


def repeated(row: IdempotencyKey) -> Response:
    """The answer of then. Raises Conflict when its key was rotated away."""
    headers = {"Idempotent-Replayed": "true"}
    body: dict[str, str] = row.body or {}
    if "sealed" not in body:
        return Response(json.loads(body["text"]), status=row.status, headers=headers)
    try:
        text = unseal(body["sealed"], bound_to=place(row))
    except Unreadable as error:
        raise Conflict(f"It was done; its answer was sealed with a key that is gone. Use a new {HEADER}.") from error
    return Response(json.loads(text), status=row.status, headers={**headers, "Cache-Control": "no-store"})


def place(row: IdempotencyKey) -> str:
    """What the sealed answer is bound to."""
    return f"idempotency:{row.pk}"


def owner_of(request: Request) -> str:
    """A token, or a person however they signed in."""
    token = getattr(request.auth, "prefix", None)
    return f"token:{token}" if token else f"user:{request.user.pk}"


def fingerprint(request: Request) -> str:
    """Of method, path and body, which may hold a secret; the order of the body's fields does not matter."""
    text = json.dumps([request.method, request.path.rstrip("/"), request.data], sort_keys=True)
    return salted_hmac(HEADER, text, algorithm="sha256").hexdigest()


def forget_old_answers(now: datetime | None = None) -> int:
    """Delete the keys that no client will send again; how many."""
    return IdempotencyKey.objects.filter(created_at__lt=(now or timezone.now()) - KEPT).delete()[0]
