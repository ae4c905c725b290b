"""Where the API's operations were until they got this name; remove with the release after 0.1."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.urls import reverse


def moved(request: HttpRequest, rest: str | None = None) -> HttpResponsePermanentRedirect:
    """308 to the same endpoint under its new name, with the query: method and body stay."""
    query = request.META["QUERY_STRING"]
    address = f"{reverse('api:operations')}{rest or ''}{f'?{query}' if query else ''}"
    return HttpResponsePermanentRedirect(address, preserve_request=True)
