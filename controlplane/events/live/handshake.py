"""Who may open which socket. Browsers come with their session and our own origin, scripts with a bearer token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.http import is_same_domain

from controlplane.events.live import streams
from controlplane.events.live.guard import closing_code
from controlplane.events.live.readers import FeedReader, Reader, SubjectReader
from controlplane.projects.models import Project
from controlplane.projects.tokens import principals
from controlplane.projects.tokens.principals import Principal

SUBJECT = re.compile(r"^/ws/([a-z]+)s/([0-9]{1,18})/?$")
FEED = re.compile(r"^/ws/activity/?$")
BAD_REQUEST, SIGNED_OUT, NOT_FOUND = 4400, 4401, 4404


class Refused(Exception):
    """The socket is closed with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Subscription:
    """Who reads what, from where on, in which projects."""

    principal: Principal
    project_ids: tuple[int, ...]
    reader: Reader
    position: Any


def origin_is_ours(headers: dict[bytes, bytes]) -> bool:
    """As Django's CSRF check: the origin is the host that was asked, or a trusted one. Only scripts may have none."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    if not origin:
        return b"authorization" in headers
    host = headers.get(b"host", b"").decode("latin-1").lower()
    parts = urlsplit(origin)
    if parts.netloc == host and validate_host(parts.hostname or "", settings.ALLOWED_HOSTS):
        return True
    return any(matches(parts, urlsplit(trusted)) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def matches(origin, trusted) -> bool:
    return origin.scheme == trusted.scheme and is_same_domain(origin.netloc, trusted.netloc.lstrip("*"))


def subscribe(scope: dict[str, Any]) -> Subscription:
    """Answer a handshake. Raises Refused. Runs in a thread: everything it needs to know it asks in one go."""
    principal = identify(dict(scope["headers"]))
    if principal is None:
        raise Refused(SIGNED_OUT)
    wishes = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    reader, project_ids = find_stream(scope["path"], wishes.get("project", ""), principal)
    code = closing_code(list(principals.standing((principal, pk) for pk in project_ids).values()))
    if code:
        raise Refused(code if code == SIGNED_OUT else NOT_FOUND)
    try:
        return Subscription(principal, project_ids, reader, reader.begin(wishes.get("after", "")))
    except ValueError:
        raise Refused(BAD_REQUEST) from None


def identify(headers: dict[bytes, bytes]) -> Principal | None:
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if authorization:
        return principals.by_authorization(authorization)
    return principals.by_cookies(headers.get(b"cookie", b"").decode("latin-1"))


def find_stream(path: str, project: str, principal: Principal) -> tuple[Reader, tuple[int, ...]]:
    """The reader for `path` and the projects it shows. What does not exist and what is not theirs read the same."""
    if FEED.match(path):
        project_ids = projects_named(project) if project else tuple(sorted(principal.visible_project_ids()))
        if not project_ids:
            raise Refused(NOT_FOUND)
        return FeedReader(project_ids), project_ids
    match = SUBJECT.match(path)
    project_id = streams.project_of(match[1], int(match[2])) if match else None
    if match is None or project_id is None:
        raise Refused(NOT_FOUND)
    return SubjectReader(match[1], int(match[2])), (project_id,)


def projects_named(wanted: str) -> tuple[int, ...]:
    """`wanted` is an id or a slug."""
    found = Project.objects.filter(slug=wanted)
    if wanted.isdecimal() and len(wanted) < 19 and not found:
        found = Project.objects.filter(pk=int(wanted))
    return tuple(found.values_list("pk", flat=True))
