"""Answers refreshes of open pages from what was just rendered, before anything else of the request is looked at."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from controlplane.events.sharing.entries import store
from controlplane.events.sharing.pace import pace
from controlplane.events.sharing.parts import answer, asked_position
from controlplane.events.sharing.passes import passes


class SharedParts:
    """Who was let through within PASS_SECONDS gets what they would be given; everybody else goes the whole way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.from_store(request) or self.get_response(request)

    def from_store(self, request: HttpRequest) -> HttpResponse | None:
        asked = asked_position(request)
        given = passes.find(request) if asked else None
        if given is None:
            return None
        entry = store.find(given.key, asked, pace.seconds)
        if entry is None:
            return None
        response = answer(entry, request, asked, given.csrf_token)
        response["X-Content-Type-Options"] = "nosniff"
        if response.status_code == 200:
            response["Content-Length"] = str(len(response.content))
        return response
