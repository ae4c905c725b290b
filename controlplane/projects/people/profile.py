"""The pages of one's own account that allauth does not have."""

from __future__ import annotations

from functools import partial
from typing import Any

from allauth.account.views import ConfirmEmailView, EmailView
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.projects import actions
from controlplane.projects.forms import PreferencesForm
from controlplane.projects.people.addresses import address_of
from controlplane.projects.queries import memberships_of, preferences_of, sign_ins_of
from controlplane.projects.requests.endpoints import number
from controlplane.ui.context import remember_theme
from controlplane.ui.request import PortalRequest
from controlplane.ui.signed_out import for_people


@for_people
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
    context = {"form": form, "memberships": memberships_of(request.user), "address": address_of(request.user)}
    return render(request, "account/profile.html", context, status=422 if form.is_bound else 200)


class AddressView(EmailView):
    """One address, replaced by another when its letter is followed. Nothing makes a claim the address before."""

    def _action_primary(self, request: PortalRequest, *args: Any, **kwargs: Any) -> None:
        return None


class ConfirmationView(ConfirmEmailView):
    """Where a letter leads. Only the account that asked confirms: nobody does it by mistake for a stranger's."""

    def get_object(self, queryset: Any = None) -> Any:
        confirmation = super().get_object(queryset)
        if confirmation.email_address.user_id != self.request.user.pk:
            raise Http404
        return confirmation

    def respond(self, success: bool) -> HttpResponse:
        return redirect("account_email")


address = AddressView.as_view()
confirmation = for_people(ConfirmationView.as_view())


class SessionsView(ListUserSessionsView):
    def get_context_data(self, **given: Any) -> dict[str, Any]:
        return {**super().get_context_data(**given), "sign_ins": sign_ins_of(self.request.user)}


sessions = SessionsView.as_view()


@for_people
@require_POST
def session_end(request: PortalRequest) -> HttpResponse:
    """POST session=ID or sign_in=ID: sign out there."""
    name, end = ("sign_in", actions.end_sign_in) if "sign_in" in request.POST else ("session", actions.end_session)
    end(request.user, pk=number(request.POST.get(name) or "-", name, 0, 2**63 - 1))
    messages.success(request, "Signed out there.")
    return redirect("usersessions_list")
