"""The JSON API of projects, their members, tokens and secrets, and of signing in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import NotAllowed, NotFound
from controlplane.projects import actions, serializers
from controlplane.projects.models import ApiToken, Invitation, Member, Project, Secret
from controlplane.projects.people import sign_in
from controlplane.projects.people.accounts import find_account
from controlplane.projects.people.invitation_links import link_of, send_invitation
from controlplane.projects.queries import preferences_of, projects_of, sessions_of, sign_ins_of, tokens_for
from controlplane.projects.requests.endpoints import PAGING, Endpoint, body, number
from controlplane.projects.requests.idempotency import idempotent
from controlplane.projects.tenants.actors import Access, Actor
from controlplane.projects.tokens.authentication import SIGN_IN_CLAIM

IN_PROJECT = OpenApiParameter("project", str, description="Id or slug; not needed when you reach one only.")


class MeEndpoint(Endpoint):
    """Who asks: the person, or the owner of the token."""

    serializer_class = serializers.MeSerializer

    @extend_schema(responses=serializers.MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(serializers.me(self.person))

    @extend_schema(request=serializers.PreferencesChange, responses=serializers.MeSerializer)
    def patch(self, request: Request) -> Response:
        only_people(self.access)
        now = preferences_of(self.person)
        sent = {"time_zone": now.time_zone, "theme": now.theme} | body(serializers.PreferencesChange, request)
        actions.save_preferences(self.person, **sent)
        return Response(serializers.me(self.person))


class MySessionsEndpoint(Endpoint):
    """Where the caller is signed in: browsers, and scripts with the password."""

    parameters = ("session", "sign_in")

    @extend_schema(responses=serializers.SessionsSerializer)
    def get(self, request: Request) -> Response:
        only_people(self.access)
        found = {"results": sessions_of(self.person), "sign_ins": sign_ins_of(self.person)}
        return Response(serializers.SessionsSerializer(found).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("session", int, description="A browser's id."),
            OpenApiParameter("sign_in", int, description="A script's id; without either all but the one that asks."),
        ],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        only_people(self.access)
        given = {name: number(request.query_params.get(name), name, 0, 2**63 - 1) for name in self.parameters}
        if given["session"]:
            actions.end_session(self.person, pk=given["session"])
        if given["sign_in"]:
            actions.end_sign_in(self.person, pk=given["sign_in"])
        if not any(given.values()):
            claims: Any = request.auth
            own = claims[SIGN_IN_CLAIM] if claims else 0
            actions.end_other_sessions(self.person, current=request.session.session_key or "", sign_in=own)
        return Response(status=status.HTTP_204_NO_CONTENT)


def only_people(access: Access) -> None:
    if access.kind == "token":
        raise NotAllowed("A token may not do this. Sign in.")


class ProjectsEndpoint(Endpoint):
    parameters = PAGING

    @extend_schema(responses=serializers.ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(projects_of(self.access), serializers.ProjectSerializer)

    def project(self, given: Any = None) -> Any:
        """None, for the Idempotency-Key: the project is what is being made."""
        return None

    @extend_schema(request=serializers.NewProject, responses={201: serializers.ProjectSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        sent = body(serializers.NewProject, request)
        project = actions.create_project(**sent, by=self.access.everywhere(), owner=self.person)
        return Response(serializers.ProjectSerializer(project).data, status=status.HTTP_201_CREATED)


class InProject(Endpoint):
    """An endpoint under /projects/ID, which may also be the slug."""

    def project(self, given: Any = None) -> Project:
        return super().project(self.kwargs["project"])


class ProjectEndpoint(InProject):
    serializer_class = serializers.ProjectSerializer

    @extend_schema(responses=serializers.ProjectSerializer)
    def get(self, request: Request, project: str) -> Response:
        return Response(serializers.ProjectSerializer(self.project()).data)

    @extend_schema(request=serializers.ProjectChange, responses=serializers.ProjectSerializer)
    def patch(self, request: Request, project: str) -> Response:
        found = self.project()
        changed = actions.update_project(found, **body(serializers.ProjectChange, request), by=self.actor(found))
        return Response(serializers.ProjectSerializer(changed).data)


class MembersEndpoint(InProject):
    parameters = PAGING

    @extend_schema(responses=serializers.MemberSerializer(many=True))
    def get(self, request: Request, project: str) -> Response:
        members = Member.objects.visible_to(self.access).filter(project=self.project())
        return self.page(members.select_related("project", "user"), serializers.MemberSerializer)

    @extend_schema(request=serializers.NewMember, responses={201: serializers.MemberSerializer})
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found = self.project()
        sent = body(serializers.NewMember, request)
        by = self.actor(found)
        member = actions.add_member(found, user=find_account(sent["user"], by), role=sent["role"], by=by)
        return Response(serializers.MemberSerializer(member).data, status=status.HTTP_201_CREATED)


class MemberEndpoint(InProject):
    serializer_class = serializers.MemberSerializer

    def member(self, pk: int) -> Member:
        member = Member.objects.select_related("project", "user").filter(project=self.project(), pk=pk).first()
        if member is None:
            raise NotFound("There is no such member.")
        return member

    @extend_schema(responses=serializers.MemberSerializer)
    def get(self, request: Request, project: str, pk: int) -> Response:
        return Response(serializers.MemberSerializer(self.member(pk)).data)

    @extend_schema(request=serializers.RoleChange, responses=serializers.MemberSerializer)
    def patch(self, request: Request, project: str, pk: int) -> Response:
        member = self.member(pk)
        role = body(serializers.RoleChange, request)["role"]
        changed = actions.change_role(member, role=role, by=self.actor(member))
        return Response(serializers.MemberSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: str, pk: int) -> Response:
        member = self.member(pk)
        actions.remove_member(member, by=self.actor(member))
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationsEndpoint(InProject):
    """Open invitations, with the link that each address accepts with. For administrators."""

    parameters = PAGING

    def administrator(self) -> tuple[Project, Actor]:
        project = self.project()
        by = self.actor(project)
        if not by.may("admin"):
            raise NotAllowed("Invitations are for administrators of the project.")
        return project, by

    @extend_schema(responses=serializers.InvitationSerializer(many=True))
    def get(self, request: Request, project: str) -> Response:
        found, _ = self.administrator()
        rows = Invitation.objects.visible_to(self.access).open().filter(project=found)
        return self.page(rows.select_related("project", "created_by"), serializers.InvitationSerializer)

    @extend_schema(request=serializers.NewInvitation, responses={201: serializers.FreshInvitationSerializer})
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found, by = self.administrator()
        made = actions.invite_member(found, **body(serializers.NewInvitation, request), by=by)
        send_invitation(request._request, made)
        shown = {**serializers.InvitationSerializer(made).data, "url": link_of(request._request, made)}
        return Response(shown, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class InvitationEndpoint(InProject):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: str, pk: int) -> Response:
        rows = Invitation.objects.visible_to(self.access).select_related("project").filter(project=self.project())
        invitation = rows.filter(pk=pk).first()
        if invitation is None:
            raise NotFound("There is no such invitation.")
        actions.revoke_invitation(invitation, by=self.actor(invitation))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokensEndpoint(Endpoint):
    parameters = ("project", *PAGING)

    @extend_schema(parameters=[IN_PROJECT], responses=serializers.TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        project = self.project(request.query_params.get("project"))
        return self.page(tokens_for(self.access, project), serializers.TokenSerializer)

    @extend_schema(request=serializers.NewToken, responses={201: serializers.FreshTokenSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        sent = body(serializers.NewToken, request)
        project = self.project(sent.pop("project", None))
        token, text = actions.create_token(project, **sent, by=self.actor(project))
        shown = {**serializers.TokenSerializer(token).data, "token": text}
        return Response(shown, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class TokenEndpoint(Endpoint):
    def token(self, pk: int) -> ApiToken:
        token = ApiToken.objects.visible_to(self.access).select_related("project").one_or_none(pk=pk)
        seen = tokens_for(self.access, token.project).one_or_none(pk=pk) if token else None
        if seen is None:
            raise NotFound("There is no such token.")
        return seen

    @extend_schema(responses=serializers.TokenSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(serializers.TokenSerializer(self.token(pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        token = self.token(pk)
        actions.revoke_token(token, by=self.actor(token))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecretsEndpoint(Endpoint):
    parameters = ("project", *PAGING)

    @extend_schema(parameters=[IN_PROJECT], responses=serializers.SecretSerializer(many=True))
    def get(self, request: Request) -> Response:
        project = self.project(request.query_params.get("project"))
        secrets = Secret.objects.visible_to(self.access).filter(project=project).select_related("project")
        return self.page(secrets, serializers.SecretSerializer)

    @extend_schema(request=serializers.NewSecret, responses={201: serializers.SecretSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        sent = body(serializers.NewSecret, request)
        project = self.project(sent.pop("project", None))
        secret = actions.set_secret(project, **sent, by=self.actor(project))
        return Response(serializers.SecretSerializer(secret).data, status=status.HTTP_201_CREATED)


class SecretEndpoint(Endpoint):
    parameters = ("project",)

    @extend_schema(parameters=[IN_PROJECT], responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        project = self.project(request.query_params.get("project"))
        secret = Secret.objects.visible_to(self.access).filter(project=project, name=name).first()
        if secret is None:
            raise NotFound("There is no such secret.")
        actions.delete_secret(secret, by=self.actor(project))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignInEndpoint(Endpoint):
    """User name and password for a token pair."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=serializers.Credentials, responses=serializers.TokenPair, auth=[])
    def post(self, request: Request) -> Response:
        pair = sign_in.sign_in(request._request, **body(serializers.Credentials, request))
        return Response(pair, headers={"Cache-Control": "no-store"})

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class RefreshEndpoint(SignInEndpoint):
    """A refresh token for a new access token."""

    @extend_schema(request=serializers.Refresh, responses=serializers.TokenPair, auth=[])
    def post(self, request: Request) -> Response:
        return Response(
            sign_in.renew(body(serializers.Refresh, request)["refresh"]), headers={"Cache-Control": "no-store"}
        )


class SignOutEndpoint(SignInEndpoint):
    """End a refresh token, and the access tokens that came of its sign-in."""

    @extend_schema(request=serializers.Refresh, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        sign_in.sign_out(body(serializers.Refresh, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class RegisterEndpoint(SignInEndpoint):
    """Refused: accounts are made by administrators, or on the page that an invitation leads to."""

    @extend_schema(request=None, responses={403: None}, auth=[])
    def post(self, request: Request) -> Response:
        raise NotAllowed("Sign-up is by invitation, on the page that the invitation leads to.")
