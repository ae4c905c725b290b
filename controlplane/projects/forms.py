"""What people fill in on the pages of a project. What an action refuses stands beside its field."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join

from controlplane.domain.errors import FieldError, NotAllowed, ProblemError
from controlplane.projects.models import Project, Role, Theme, valid_name, valid_time_zone


class ActionForm(forms.Form):
    def attempt(self, verb: Callable[..., Any]) -> tuple[bool, Any]:
        """(True, what `verb(**fields)` returned), or (False, None) with the reasons in the form."""
        if not self.is_valid():
            return False, None
        try:
            return True, verb(**self.cleaned_data)
        except NotAllowed:
            raise
        except ProblemError as problem:
            for error in problem.errors or [FieldError("", problem.detail)]:
                self.add_error(error.field if error.field in self.fields else None, error.message)
            return False, None


def role_field(initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=Role.choices, initial=initial)


class MemberForm(ActionForm):
    user = forms.CharField(label="User name", max_length=150, widget=forms.TextInput({"autocomplete": "off"}))
    role = role_field(Role.OPERATOR)


class InvitationForm(ActionForm):
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput({"autocomplete": "off"}))
    role = role_field(Role.OPERATOR)


class TokenForm(ActionForm):
    name = forms.CharField(max_length=100, help_text="What it is for, such as the script that uses it.")
    role = role_field(Role.OPERATOR)
    days = forms.TypedChoiceField(
        label="Lives",
        coerce=int,
        initial=90,
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year")],
    )


class SecretForm(ActionForm):
    name = forms.CharField(max_length=63, help_text="Letters, digits and underscores: ${{ secrets.NAME }}.")
    value = forms.CharField(
        strip=False,
        widget=forms.Textarea({"rows": 3, "autocomplete": "off", "spellcheck": "false", "data-private": ""}),
        help_text="At least 4 characters. Stored encrypted. Nobody can read it here again.",
    )


class SettingsForm(ActionForm):
    name = forms.CharField(max_length=200)
    time_zone = forms.CharField(
        max_length=64,
        validators=[valid_time_zone],
        help_text="An IANA name such as Europe/Berlin; times are shown in it.",
    )


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Looked up once: it reads hundreds of files."""
    return [("", "That of each project"), *((name, name) for name in sorted(zoneinfo.available_timezones()))]


class LongSelect(forms.Select):
    """A menu of hundreds; Django's draws two templates for each of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        chosen = self.format_value(value)
        options = ((flatatt({"value": one, "selected": one in chosen}), label) for one, label in self.choices)
        drawn = format_html_join("", "<option{}>{}</option>", options)
        given = self.build_attrs({**self.attrs, "name": name}, attrs)
        return format_html("<select{}>{}</select>", flatatt(given), drawn)


class PreferencesForm(ActionForm):
    time_zone = forms.ChoiceField(
        required=False,
        choices=zone_choices,
        widget=LongSelect,
        help_text="Times are shown in it, for you alone. Days in filters and charts are those of the project.",
    )
    theme = forms.ChoiceField(
        choices=Theme.choices, help_text="For each browser you sign in with. The switch beside your name changes one."
    )


class ProjectForm(SettingsForm):
    slug = forms.CharField(
        max_length=63, validators=[valid_name], help_text="Stands in addresses and cannot be changed later."
    )
    field_order = ["name", "slug", "time_zone"]


def settings_of(project: Project) -> dict[str, str]:
    return {"name": project.name, "time_zone": project.time_zone}
