"""The pages of a project's own things: members, API tokens, secrets and settings."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.domain.action import foresee
from controlplane.domain.errors import NotFound
from controlplane.projects import actions
from controlplane.projects.forms import (
    InvitationForm,
    MemberForm,
    ProjectForm,
    SecretForm,
    SettingsForm,
    TokenForm,
    settings_of,
)
from controlplane.projects.models import ApiToken, Invitation, Member, Role, Secret
from controlplane.projects.people.accounts import find_account
from controlplane.projects.people.invitation_links import link_of, send_invitation
from controlplane.projects.queries import tokens_for
from controlplane.ui.request import PortalRequest
from controlplane.ui.signed_out import for_people

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def show(request: PortalRequest, page: str, form, **context: object) -> HttpResponse:
    """A page with one form, which answers 422 when the form did not fit."""
    refused = form is not None and form.is_bound
    return render(request, f"projects/{page}.html", {"form": form, **context}, status=422 if refused else 200)


def back_to(request: PortalRequest, page: str, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect(f"projects:{page}", project=request.project.slug)


def or_not_found(row, what: str):
    if row is None:
        raise NotFound(f"There is no such {what}.")
    return row


@get_or_post
def members(request: PortalRequest) -> HttpResponse:
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        done, member = form.attempt(partial(add_member_by_name, request))
        if done:
            return back_to(request, "members", f"{member.user} is a member now.")
    rows = members_of(request)
    return show(request, "members", form, **members_context(request, invitation_form=InvitationForm()), members=rows)


def members_of(request: PortalRequest) -> QuerySet[Member]:
    rows = Member.objects.visible_to(request.member).select_related("user", "project")
    foresee(rows, actions.remove_member)
    return rows


def members_context(request: PortalRequest, **more: object) -> dict[str, object]:
    may_manage, invited = request.member.may("admin"), []
    if may_manage:
        rows = Invitation.objects.visible_to(request.member).open().select_related("created_by", "project")
        foresee(rows, actions.revoke_invitation)
        invited = [(row, link_of(request, row)) for row in rows]
    verbs = {"remove": actions.remove_member, "withdraw": actions.revoke_invitation}
    return {"roles": Role.choices, "may_manage": may_manage, "invited": invited, **verbs, **more}


@require_POST
def invitations(request: PortalRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    done, made = form.attempt(partial(actions.invite_member, request.project, by=request.member))
    if done:
        send_invitation(request, made)
        return back_to(request, "members", f"{made.email} is invited. The link below works once, for seven days.")
    rows = members_of(request)
    context = members_context(request, invitation_form=form, form=MemberForm(), members=rows)
    return render(request, "projects/members.html", context, status=422)


@require_POST
def invitation_revocation(request: PortalRequest, pk: int) -> HttpResponse:
    rows = Invitation.objects.visible_to(request.member).select_related("project")
    invitation = or_not_found(rows.filter(pk=pk).first(), "invitation")
    actions.revoke_invitation(invitation, by=request.member)
    return back_to(request, "members", f"The invitation of {invitation.email} was withdrawn.")


def add_member_by_name(request: PortalRequest, *, user: str, role: str) -> Member:
    account = find_account(user, request.member)
    return actions.add_member(request.project, user=account, role=role, by=request.member)


def find_member(request: PortalRequest, pk: int) -> Member:
    rows = Member.objects.visible_to(request.member).select_related("user", "project")
    return or_not_found(rows.filter(pk=pk).first(), "member")


@require_POST
def role(request: PortalRequest, pk: int) -> HttpResponse:
    member = actions.change_role(find_member(request, pk), role=request.POST.get("role", ""), by=request.member)
    return back_to(request, "members", f"{member.user} is {member.get_role_display().lower()} now.")


@require_POST
def removal(request: PortalRequest, pk: int) -> HttpResponse:
    member = find_member(request, pk)
    actions.remove_member(member, by=request.member)
    return back_to(request, "members", f"{member.user} was removed.")


@never_cache
@get_or_post
def tokens(request: PortalRequest) -> HttpResponse:
    """The answer to creating one shows its text, this once."""
    form, text = TokenForm(request.POST or None), ""
    offered: Any = form.fields["role"]
    offered.choices = [each for each in Role.choices if request.member.may(each[0])]
    if request.method == "POST":
        done, made = form.attempt(partial(actions.create_token, request.project, by=request.member))
        if done:
            form, text = TokenForm(), made[1]
    rows = tokens_for(request.member, request.project)
    foresee(rows, actions.revoke_token)
    return show(request, "tokens", form, tokens=rows, text=text, revoke=actions.revoke_token)


@require_POST
def revocation(request: PortalRequest, pk: int) -> HttpResponse:
    token: ApiToken = or_not_found(tokens_for(request.member, request.project).filter(pk=pk).first(), "token")
    actions.revoke_token(token, by=request.member)
    return back_to(request, "tokens", f"{token.name} was revoked.")


@never_cache
@get_or_post
def secrets(request: PortalRequest) -> HttpResponse:
    form = SecretForm(request.POST or None, initial={"name": request.GET.get("name", "")})
    if request.method == "POST":
        done, secret = form.attempt(partial(actions.set_secret, request.project, by=request.member))
        if done:
            return back_to(request, "secrets", f"{secret.name} was saved.")
        form.data = {**request.POST.dict(), "value": ""}
    rows = Secret.objects.visible_to(request.member).select_related("project")
    may_manage = request.member.may("admin")
    return show(request, "secrets", form, secrets=rows, may_manage=may_manage, delete=actions.delete_secret)


@require_POST
def secret_deletion(request: PortalRequest, pk: int) -> HttpResponse:
    secret = or_not_found(Secret.objects.visible_to(request.member).filter(pk=pk).first(), "secret")
    actions.delete_secret(secret, by=request.member)
    return back_to(request, "secrets", f"{secret.name} was deleted.")


@get_or_post
def settings(request: PortalRequest) -> HttpResponse:
    form = SettingsForm(request.POST or None, initial=settings_of(request.project))
    if request.method == "POST":
        done, _ = form.attempt(partial(actions.update_project, request.project, by=request.member))
        if done:
            return back_to(request, "settings", "Saved.")
    return show(request, "settings", form, may_manage=request.member.may("admin"), may_create=request.user.is_superuser)


@for_people
@get_or_post
def new_project(request: PortalRequest) -> HttpResponse:
    by = request.access.everywhere()
    form = ProjectForm(request.POST or None, initial={"time_zone": "UTC"})
    if request.method == "POST":
        done, project = form.attempt(partial(actions.create_project, by=by, owner=request.user))
        if done:
            messages.success(request, f"{project.name} was created.")
            return redirect("projects:members", project=project.slug)
    return show(request, "new", form)
