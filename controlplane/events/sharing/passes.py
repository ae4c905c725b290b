"""Who was let through to a part, so that the next times they need not be looked up one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.http import HttpRequest

from controlplane.projects.models import Member
from controlplane.projects.tokens.principals import Principal, Standing, standing

# As often as the sockets of the same pages, all who look are asked about at once. Seconds.
CHECK_SECONDS = 2.0
# Then the request goes the whole way again.
PASS_SECONDS = 30.0
MOST = 10_000
SUPERUSER = "superuser"
Holder = tuple[str, str, str]
User = get_user_model()


@dataclass
class Pass:
    """For one session and address: the part that it sees, and the token of its forms. Times are of time.monotonic()."""

    key: str
    csrf_token: str = field(repr=False)
    principal: Principal
    project_id: int
    role: str
    given: float = field(default_factory=time.monotonic)
    checked: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)


class Passes:
    def __init__(self) -> None:
        self.given: dict[Holder, Pass] = {}
        self.lock = threading.Lock()
        self.checking = threading.Lock()

    def find(self, request: HttpRequest) -> Pass | None:
        """The one that is good now; asks the database about all of them when that is due."""
        found, now = self.given.get(holder(request)), time.monotonic()
        if found is None or now - found.given > PASS_SECONDS:
            return None
        found.used = now
        if now - found.checked > CHECK_SECONDS:
            self.check_or_leave_it()
        # Who is asked about just now is good for as long again: nobody waits for the one who asks.
        if now - found.checked > 2 * CHECK_SECONDS:
            return None
        return found if self.given.get(holder(request)) is found else None

    def give(self, request: Any, key: str, csrf_token: str) -> None:
        session = request.session
        principal = Principal(
            request.user.pk, session_key=session.session_key or "", session_hash=session.get(HASH_SESSION_KEY, "")
        )
        role = SUPERUSER if request.user.is_superuser else request.member.role
        with self.lock:
            if len(self.given) < MOST:
                self.given[holder(request)] = Pass(key, csrf_token, principal, request.project.pk, role)

    def check_or_leave_it(self) -> None:
        """By one at a time, who holds nothing that others wait for while the database answers."""
        if self.checking.acquire(blocking=False):
            try:
                self.check()
            finally:
                self.checking.release()

    def check(self) -> None:
        """Take back those whose access ended or changed, and those that nobody used lately."""
        now = time.monotonic()
        with self.lock:
            known = dict(self.given)
        used = [given for given in known.values() if now - given.used < 2 * CHECK_SECONDS]
        good = still_good(used)
        with self.lock:
            for one, given in known.items():
                if id(given) in good:
                    given.checked = now
                elif self.given.get(one) is given:
                    del self.given[one]


def still_good(passes: Collection[Pass]) -> set[int]:
    """The id() of those whose session, membership and role are what they were."""
    standings = standing({(given.principal, given.project_id) for given in passes})
    roles = roles_of({given.principal.user_id for given in passes})
    return {
        id(given)
        for given in passes
        if standings[given.principal, given.project_id] == Standing.MEMBER
        and (given.principal.user_id, 0 if given.role == SUPERUSER else given.project_id, given.role) in roles
    }


def roles_of(users: set[int]) -> set[tuple[int, int, str]]:
    """(user id, project id, role); of superusers (user id, 0, SUPERUSER) instead."""
    rows = set(Member.objects.filter(user_id__in=users).values_list("user_id", "project_id", "role"))
    superusers = User.objects.filter(pk__in=users, is_superuser=True).values_list("pk", flat=True)
    return rows | {(pk, 0, SUPERUSER) for pk in superusers}


def holder(request: HttpRequest) -> Holder:
    """The session as it was sent, the address, and what else decides how the answer looks."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return session, request.get_full_path(), request.headers.get("HX-Target", "")


passes = Passes()
