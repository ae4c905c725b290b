"""Parts of pages that are the same for everybody with the same rights, and are rendered once for all of them.

A page that is open asks with `Live-After: POSITION`, the last event it heard of. The answer shows everything up to
there, or is so young that the page may wait for the next one; then it says `Live-Behind: 1`, and is asked again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone

from controlplane.events.queries import latest_cursor
from controlplane.events.sharing.entries import Entry, place, store
from controlplane.events.sharing.pace import pace
from controlplane.events.sharing.passes import passes

# Stands in shared text where the token of the form's owner comes.
TOKEN = "token-of-whoever-asks"


def asked_position(request: HttpRequest) -> str:
    """What the page has heard of; empty when it is not one that refreshes itself."""
    asked = request.headers.get("Live-After", "") if request.method == "GET" else ""
    try:
        place(asked)
    except ValueError:
        return ""
    return asked


def live_part(
    request: Any, template: str, context: Callable[[], dict[str, Any]], *, position: Callable[[], str] | None = None
) -> HttpResponse:
    """The part, shared when an open page refreshes it; whoever comes anew, or just did something, has it made now."""
    if asked_position(request):
        return shared_part(request, template, context, position=position)
    return render(request, template, context())


def shared_part(
    request: Any, template: str, context: Callable[[], dict[str, Any]], *, position: Callable[[], str] | None = None
) -> HttpResponse:
    """The part, as it was rendered for somebody with the same rights, or now.

    Nothing in `template` may depend on who asks but through their role; `context` is only asked for when it is
    rendered. `position` tells how far the stream is that the page listens to: by default the project's feed.
    """
    key = key_of(request, template)
    passes.give(request, key, get_token(request))
    asked = asked_position(request)
    entry = store.find(key, asked, pace.seconds) or render_once(request, key, template, context, position)
    return answer(entry, request, asked, get_token(request))


def key_of(request: Any, template: str) -> str:
    """Of the part and of everything that decides how it looks."""
    member = request.member
    seen_by = (request.project.pk, member.role, member.project_id, timezone.get_current_timezone_name())
    facts = (*seen_by, template, request.get_full_path(), request.headers.get("HX-Target", ""))
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def render_once(
    request: Any, key: str, template: str, context: Callable[[], dict[str, Any]], position: Callable[[], str] | None
) -> Entry:
    """By one at a time; whoever comes meanwhile gets the one before."""
    earlier = store.last(key)
    is_mine = store.claim(key)
    if earlier and not is_mine:
        return earlier
    try:
        began = time.thread_time()
        # Before anything is read: what comes after may be in it, and nothing that came before is missing.
        reached = position() if position else str(latest_cursor())
        body = render_to_string(template, {**context(), "csrf_token": TOKEN}, request)
        entry = Entry.of(body, reached)
        pace.took(key, time.thread_time() - began)
        store.keep(key, entry)
    finally:
        if is_mine:
            store.give_back(key)
    return entry


def answer(entry: Entry, request: HttpRequest, asked: str, csrf_token: str) -> HttpResponse:
    if request.headers.get("If-None-Match") == entry.etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(entry.body.replace(TOKEN, csrf_token))
    response["ETag"] = entry.etag
    response["Cache-Control"] = "private, no-store"
    response["Live-Pace"] = str(round(pace.seconds * 1000))
    if asked and not entry.covers(asked):
        response["Live-Behind"] = "1"
    return response
