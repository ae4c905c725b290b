"""The search: a page of its own, and the list inside of the command palette."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from controlplane.home.search.domain import cleaned, groups_for
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest


@require_GET
def search(request: PortalRequest) -> HttpResponse:
    """`?q=`: pages, actions and objects of the project."""
    text = cleaned(request.GET.get("q", ""))
    template = "home/_search.html" if is_partial(request) else "home/search.html"
    response = render(request, template, {"text": text, "groups": groups_for(request, text)})
    patch_vary_headers(response, ["HX-Request"])
    return response
