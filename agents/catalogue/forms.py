"""The forms of tools, agents and instances: one for what they share, one for the configuration of a kind.

Forms only turn text into values; whether the values may be saved is decided in the actions, whose errors come back to
the fields.
"""

from __future__ import annotations

import json
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from agents.calls.registry import registered
from agents.catalogue.shapes import METHODS
from agents.models import Instance, Tool
from controlplane.domain.errors import FieldError, ProblemError

EMPTY: tuple[Any, ...] = (None, "", [], {})
SECRET_HELP = "Secrets are written ${{ secrets.NAME }}."


class CodeArea(forms.Textarea):
    """A textarea that becomes an editor where scripts run."""

    def __init__(self, language: str, rows: int = 8) -> None:
        super().__init__({"rows": rows, "spellcheck": "false", "class": "mono"})
        self.language = language

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        area = super().render(name, value, attrs, renderer)
        return format_html(
            '<code-editor class="code-editor--short" language="{}">{}</code-editor>', self.language, area
        )


class JsonText(forms.CharField):
    """JSON as text; empty is an empty object. Errors name line and column."""

    def __init__(self, *, rows: int = 8, **kwargs: Any) -> None:
        super().__init__(required=False, widget=CodeArea("json", rows), **kwargs)

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else "" if value in EMPTY else json.dumps(value, indent=2)

    def clean(self, value: str) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text) if text else {}
        except RecursionError as error:
            raise ValidationError("This is nested too deeply.") from error
        except ValueError as error:
            raise ValidationError(f"This is not JSON: {error}.") from error


class TagList(forms.CharField):
    """Names separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: str) -> list[str]:
        names = [name.strip() for name in (super().clean(value) or "").split(",")]
        return list(dict.fromkeys(name for name in names if name))


class EntryForm(forms.Form):
    """What tools, agents and instances share."""

    identity = ("name", "description", "tags")
    limits: tuple[str, ...] = ("timeout_seconds", "max_concurrent")
    schemas: tuple[str, ...] = ()

    name = forms.CharField(max_length=63, help_text="Lower-case letters, digits, hyphens; workflows refer to it.")
    description = forms.CharField(required=False, widget=forms.Textarea({"rows": 2}))
    tags = TagList(required=False, help_text="Separated by commas.")
    timeout_seconds = forms.IntegerField(label="Time limit in seconds", min_value=1)
    max_concurrent = forms.IntegerField(
        label="At most at once", required=False, min_value=1, help_text="Empty: no limit of its own."
    )
    version_no = forms.IntegerField(required=False, widget=forms.HiddenInput())

    @property
    def identity_fields(self) -> list[Any]:
        return [self[name] for name in self.identity]

    @property
    def limit_fields(self) -> list[Any]:
        return [self[name] for name in self.limits if name in self.fields]

    @property
    def schema_fields(self) -> list[Any]:
        return [self[name] for name in self.schemas]


class AgentForm(EntryForm):
    limits = (*EntryForm.limits, "idempotent")

    idempotent = forms.BooleanField(
        label="May be repeated",
        required=False,
        help_text="A second call with the same key does no harm, so a lost worker may try again by itself.",
    )


class ToolForm(AgentForm):
    limits = (*AgentForm.limits, "cost_usd", "calls_per_minute", "burst")
    schemas = ("input_schema", "output_schema")

    cost_usd = forms.DecimalField(label="Cost of a call in USD", min_value=0, max_digits=12, decimal_places=6)
    calls_per_minute = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        help_text="By all runs together; steps beyond it wait. Empty: no limit.",
    )
    burst = forms.IntegerField(
        label="At once after a pause", required=False, min_value=1, help_text="Empty: one; calls are spread evenly."
    )
    input_schema = JsonText(
        label="Input schema",
        help_text="JSON Schema 2020-12. Calls that do not fit are refused; empty lets all through.",
    )
    output_schema = JsonText(label="Output schema", help_text="Answers that do not fit fail as bad_output.")


class InstanceForm(EntryForm):
    url = forms.CharField(
        label="Connection",
        required=False,
        max_length=4_000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )


class ConfigForm(forms.Form):
    """The configuration of one kind. `project_id` says what may be chosen."""

    compact: tuple[str, ...] = ()

    def __init__(self, *args: Any, project_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project_id = project_id
        self.offer_choices()

    def offer_choices(self) -> None:
        """For kinds that refer to other things."""

    def offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    @property
    def wide_fields(self) -> list[Any]:
        return [self[name] for name in self.fields if name not in self.compact]

    @property
    def compact_fields(self) -> list[Any]:
        """Those that share a line."""
        return [self[name] for name in self.compact]

    def config(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value not in EMPTY}


class HttpForm(ConfigForm):
    method = forms.ChoiceField(choices=[(name, name) for name in METHODS], initial="POST")
    url = forms.CharField(
        label="URL",
        max_length=2_000,
        help_text=f"{{name}} is filled in from the input; the rest is the body, or the query of a GET. {SECRET_HELP}",
    )
    headers = JsonText(rows=4, help_text=f'Such as {{"Authorization": "Bearer …"}}. {SECRET_HELP}')


class FunctionForm(ConfigForm):
    function = forms.ChoiceField()

    def offer_choices(self) -> None:
        offered = sorted(registered().values(), key=lambda one: one.name)
        self.offer("function", [(one.name, described(one.name, one.description)) for one in offered])


class SqlForm(ConfigForm):
    instance = forms.ChoiceField()
    sql = forms.CharField(
        label="SQL", widget=CodeArea("text"), help_text="Write :name where a value of the input goes."
    )
    max_rows = forms.IntegerField(label="At most rows", required=False, min_value=1, initial=1_000)

    def offer_choices(self) -> None:
        names = Instance.objects.filter(project_id=self.project_id).order_by("name").values_list("name", flat=True)
        self.offer("instance", [(name, name) for name in names])


class ModelForm(ConfigForm):
    compact = (
        "max_steps",
        "max_cost_usd",
        "max_tokens",
        "temperature",
        "input_usd_per_mtok",
        "output_usd_per_mtok",
    )

    base_url = forms.CharField(
        label="Address", initial="https://api.openai.com/v1", help_text="Any OpenAI-compatible one."
    )
    model = forms.CharField(max_length=200)
    api_key = forms.CharField(
        label="API key", required=False, help_text=SECRET_HELP, widget=forms.TextInput({"data-private": ""})
    )
    instructions = forms.CharField(required=False, widget=forms.Textarea({"rows": 6}))
    tools = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple(), help_text="It can call these and no others."
    )
    output_schema = JsonText(label="Output schema", rows=6, help_text="Empty: the answer is text.")
    max_steps = forms.IntegerField(label="At most model requests", required=False, min_value=1, initial=20)
    max_cost_usd = forms.FloatField(label="At most USD a run", required=False, min_value=0)
    max_tokens = forms.IntegerField(label="At most tokens an answer", required=False, min_value=1)
    temperature = forms.FloatField(required=False, min_value=0, max_value=2)
    input_usd_per_mtok = forms.FloatField(
        label="USD per million tokens in", required=False, min_value=0, help_text="For models the price list lacks."
    )
    output_usd_per_mtok = forms.FloatField(label="USD per million tokens out", required=False, min_value=0)

    def offer_choices(self) -> None:
        rows = Tool.objects.filter(project_id=self.project_id).order_by("name").values_list("name", "description")
        self.offer("tools", [(name, described(name, description)) for name, description in rows])


CONFIG_FORMS: dict[str, type[ConfigForm]] = {
    "http": HttpForm,
    "function": FunctionForm,
    "sql": SqlForm,
    "llm": ModelForm,
}


def described(name: str, description: str) -> str:
    first = description.strip().partition("\n")[0]
    return f"{name}: {first[:100]}" if first else name


def show_problem(problem: ProblemError, *forms_: forms.Form) -> None:
    """Put each error at the field it lies in, and what has no field above the first form."""
    for error in problem.errors or [FieldError("", problem.detail)]:
        path = error.field.removeprefix("config.")
        name, rest = split_path(path)
        found = next((form for form in forms_ if name in form.fields), None)
        if found is None:
            forms_[0].add_error(None, f"{path}: {error.message}" if path else error.message)
        elif name not in found.errors:
            found.add_error(name, f"{rest}: {error.message}" if rest else error.message)


def split_path(path: str) -> tuple[str, str]:
    """`headers.X-Key` -> (`headers`, `X-Key`); `tools[0]` -> (`tools`, `[0]`)."""
    end = min((path.find(sign) for sign in ".[" if sign in path), default=len(path))
    return path[:end], path[end:].removeprefix(".")
