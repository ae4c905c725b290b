"""What people change of their own account."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User

from controlplane.domain.errors import NotFound
from controlplane.projects.actions.checking import checked
from controlplane.projects.models import (
    Preferences,
    SignIn,
)


def save_preferences(user: User, *, time_zone: str, theme: str) -> Preferences:
    """A person's own; `time_zone` may be empty. In no project, so no event."""
    chosen = checked(Preferences(user_id=user.pk, time_zone=time_zone, theme=theme))
    fields = {"time_zone": time_zone, "theme": theme}
    Preferences.objects.bulk_create([chosen], update_conflicts=True, unique_fields=["user"], update_fields=list(fields))
    return chosen


def end_session(user: User, *, pk: int) -> None:
    """Sign `user` out where that session is. Raises NotFound for one that is not theirs."""
    session = UserSession.objects.filter(user_id=user.pk, pk=pk).first()
    if session is None:
        raise NotFound("There is no such session.")
    session.end()


def end_sign_in(user: User, *, pk: int) -> None:
    """End the tokens of that sign-in of a script. Raises NotFound for one that is not theirs."""
    if not SignIn.objects.filter(user_id=user.pk, pk=pk).delete()[0]:
        raise NotFound("There is no such sign-in.")


def end_sign_ins(user: User, *, but: int = 0) -> None:
    """End the tokens of all scripts that signed in as `user`, `but` one."""
    SignIn.objects.filter(user_id=user.pk).exclude(pk=but).delete()


def end_other_sessions(user: User, *, current: str, sign_in: int = 0) -> None:
    """`current` is the key of the session that stays, `sign_in` the sign-in; without either all end."""
    for session in UserSession.objects.filter(user_id=user.pk).exclude(session_key=current):
        session.end()
    end_sign_ins(user, but=sign_in)
