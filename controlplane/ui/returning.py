"""Where people come back to: after signing in, after a choice, from a page that says no."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from controlplane.ui.navigation import FRONT_PAGE, first_url


def page_of(request: HttpRequest) -> str:
    """This address; for a form that was sent, the page on which it stood: some actions answer no GET."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    ways = [came_from(request), request.get_full_path(), front_page_of(request)]
    return next((way for way in ways if answers_get(way)), "/")


def front_page_of(request: HttpRequest) -> str:
    """That of the project in the address, or empty."""
    slug = resolve(request.path).kwargs.get("project", "")
    return first_url((FRONT_PAGE,), slug) if slug else ""


def came_from(request: HttpRequest) -> str:
    """The page of ours that led here, as a path with its query; else empty."""
    url = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(url, own_hosts(request))
    return escape_leading_slashes(urlsplit(url)._replace(scheme="", netloc="").geturl()) if ours else ""


def own_hosts(request: HttpRequest) -> set[str]:
    """The address that was asked for; none when it is not one of ours."""
    try:
        return {request.get_host()}
    except DisallowedHost:
        return set()


def answers_get(path: str) -> bool:
    """Whether there is a page, and not only an action."""
    try:
        view = resolve(urlsplit(path).path).func
    except Resolver404:
        return False
    kind = getattr(view, "view_class", None)
    return hasattr(kind, "get") if kind else "GET" in methods_of(view)


def methods_of(view: Callable[..., Any]) -> list[str]:
    """What Django's require_http_methods() around a function lets pass; without it everything."""
    around = inspect.getclosurevars(view).nonlocals if inspect.isfunction(view) else {}
    if "request_method_list" in around:
        return list(around["request_method_list"])
    inner = getattr(view, "__wrapped__", None)
    return methods_of(inner) if inner else ["GET", "POST"]
