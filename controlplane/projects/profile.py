"""The pages of one's own account that allauth does not have."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.projects import actions
from controlplane.projects.endpoints import number
from controlplane.projects.forms import PreferencesForm
from controlplane.projects.queries import memberships_of, preferences_of
from controlplane.ui.context import remember_theme
from controlplane.ui.request import PortalRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PortalRequest) -> HttpResponse:
    chosen = preferences_of(request.user)
    form = PreferencesForm(request.POST or None, initial={"time_zone": chosen.time_zone, "theme": chosen.theme})
    if request.method == "POST":
        done, saved = form.attempt(partial(actions.save_preferences, request.user))
        if done:
            messages.success(request, "Saved.")
            response = redirect("profile")
            remember_theme(response, saved.theme)
            return response
    context = {"form": form, "memberships": memberships_of(request.user)}
    return render(request, "account/profile.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def session_end(request: PortalRequest) -> HttpResponse:
    """POST session=ID: sign out there."""
    actions.end_session(request.user, pk=number(request.POST.get("session") or "-", "session", 0, 2**63 - 1))
    messages.success(request, "Signed out there.")
    return redirect("usersessions_list")
