"""Where the link of an invitation leads."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.projects import actions
from controlplane.projects.people.invitation_links import INVITED, find_invitation
from controlplane.ui.request import PortalRequest
from controlplane.ui.signed_out import to_sign_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: PortalRequest) -> HttpResponse:
    """Who is signed in accepts with a click; others sign in, or sign up, first."""
    key = request.GET.get("key", "")
    found = find_invitation(key)
    if request.method == "POST" and not request.user.is_authenticated:
        return to_sign_in(request)
    if found is None:
        return render(request, "account/invitation_ended.html", status=410)
    if request.method == "POST":
        member = actions.accept_invitation(found, user=request.user)
        messages.success(request, f"You are a member of {member.project} now.")
        return redirect("home:overview", project=member.project.slug)
    if not request.user.is_authenticated:
        request.session[INVITED] = key
    context = {"invitation": found, "here": request.get_full_path()}
    return render(request, "account/invitation.html", context)
