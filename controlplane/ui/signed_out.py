"""What somebody gets who is not signed in, or not any more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from controlplane.domain.errors import ProblemError
from controlplane.ui.errors import problem_response, wants_json
from controlplane.ui.htmx import ask_to_sign_in, is_partial, page_around
from controlplane.ui.returning import page_of


class SignedOut(ProblemError):
    status = 401
    code = "signed_out"
    title = "You are signed out"


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """A way in that leads back to the page on which they were."""
    if wants_json(request):
        return problem_response(request, SignedOut("Sign in, then ask again."))
    if is_partial(request):
        return ask_to_sign_in(redirect_to_login(page_around(request)).url)
    return redirect_to_login(page_of(request))


def for_people(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Around a view that nobody reaches without an account."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if request.user.is_authenticated else to_sign_in(request)

    return asked
