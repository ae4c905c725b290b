"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.projects import api
from controlplane.projects.requests.routes import endpoint

urlpatterns = [
    endpoint("auth/token", api.SignInEndpoint.as_view(), "auth_token"),
    endpoint("auth/refresh", api.RefreshEndpoint.as_view(), "auth_refresh"),
    endpoint("auth/sign-out", api.SignOutEndpoint.as_view(), "auth_sign_out"),
    endpoint("auth/register", api.RegisterEndpoint.as_view(), "auth_register"),
    endpoint("me", api.MeEndpoint.as_view(), "me"),
    endpoint("me/sessions", api.MySessionsEndpoint.as_view(), "my_sessions"),
    endpoint("projects", api.ProjectsEndpoint.as_view(), "projects"),
    endpoint("projects/<slug:project>", api.ProjectEndpoint.as_view(), "project"),
    endpoint("projects/<slug:project>/members", api.MembersEndpoint.as_view(), "members"),
    endpoint("projects/<slug:project>/members/<int:pk>", api.MemberEndpoint.as_view(), "member"),
    endpoint("projects/<slug:project>/invitations", api.InvitationsEndpoint.as_view(), "invitations"),
    endpoint("projects/<slug:project>/invitations/<int:pk>", api.InvitationEndpoint.as_view(), "invitation"),
    endpoint("tokens", api.TokensEndpoint.as_view(), "tokens"),
    endpoint("tokens/<int:pk>", api.TokenEndpoint.as_view(), "token"),
    endpoint("secrets", api.SecretsEndpoint.as_view(), "secrets"),
    endpoint("secrets/<slug:name>", api.SecretEndpoint.as_view(), "secret"),
]
