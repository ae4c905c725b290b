"""What HTMX and the page agree on: partial requests, toasts and refreshes through response headers."""

from __future__ import annotations

import json
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.middleware import HtmxDetails

Response = TypeVar("Response", bound=HttpResponseBase)


def is_partial(request: HttpRequest) -> bool:
    """True when HTMX swaps a part of the page; false for whole pages, also boosted and restored from history."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def page_around(request: HttpRequest) -> str:
    """The path of the page that a partial request comes from."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return (htmx.current_url_abs_path if htmx else None) or "/"


def trigger(response: Response, event: str, detail: object = None) -> Response:
    """Have the browser fire `event` on the element that asked, beside events set before."""
    events = json.loads(response.get("HX-Trigger", "{}"))
    response["HX-Trigger"] = json.dumps({**events, event: detail})
    return response


def toast(response: Response, message: str, tone: str = "success", *, retry: bool = False) -> Response:
    """Show `message` above the page, with `retry` with a button that asks again.

    Tones: success, info, warning, danger.
    """
    shown = {"message": message, "tone": tone}
    return trigger(response, "toast", {**shown, "retry": True} if retry else shown)


def ask_to_sign_in(url: str) -> HttpResponse:
    """Answer a partial request of somebody who is signed out: what they typed stays, and a new tab leads to `url`."""
    words = "You are signed out. Sign in again in a new tab, then try again here."
    said = {"message": words, "tone": "warning", "url": url, "label": "Sign in", "retry": True}
    return trigger(HttpResponse(status=401), "toast", said)


def redirect_whole_page(url: str) -> HttpResponse:
    """Answer a partial request by leaving for `url`."""
    return HttpResponse(status=204, headers={"HX-Redirect": url})


def lead_whole_page(request: HttpRequest, response: Response) -> Response:
    """A redirect that answers what HTMX posted: the page follows it, and not the part alone."""
    if request.method == "POST" and 301 <= response.status_code <= 303 and is_partial(request):
        response.status_code = 204
        response["HX-Redirect"] = response["Location"]
        del response["Location"]
    return response
