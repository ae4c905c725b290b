"""Endpoints of this app, under /api/v1/. The slash at the end is optional."""

from __future__ import annotations

from django.urls import URLPattern, re_path
from rest_framework.views import APIView

from controlplane.projects import api


def endpoint(route: str, view: type[APIView], name: str) -> URLPattern:
    return re_path(rf"^{route}/?$", view.as_view(), name=name)


PROJECT = r"projects/(?P<project>[a-z0-9_-]+)"

urlpatterns = [
    endpoint("auth/token", api.SignInEndpoint, "auth_token"),
    endpoint("auth/refresh", api.RefreshEndpoint, "auth_refresh"),
    endpoint("auth/register", api.RegisterEndpoint, "auth_register"),
    endpoint("projects", api.ProjectsEndpoint, "projects"),
    endpoint(PROJECT, api.ProjectEndpoint, "project"),
    endpoint(f"{PROJECT}/members", api.MembersEndpoint, "members"),
    endpoint(rf"{PROJECT}/members/(?P<pk>[0-9]{{1,18}})", api.MemberEndpoint, "member"),
    endpoint("tokens", api.TokensEndpoint, "tokens"),
    endpoint(r"tokens/(?P<pk>[0-9]{1,18})", api.TokenEndpoint, "token"),
    endpoint("secrets", api.SecretsEndpoint, "secrets"),
    endpoint(r"secrets/(?P<name>[A-Za-z0-9_]{1,63})", api.SecretEndpoint, "secret"),
]
