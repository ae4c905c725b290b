"""What the pages of tools, agents and instances have in common, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from agents import actions
from agents.catalogue.forms import CONFIG_FORMS, AgentForm, ConfigForm, EntryForm, InstanceForm, ToolForm, show_problem
from agents.catalogue.saving import document_of
from agents.models import Agent, Catalogued, Engine, Instance, Tool
from controlplane.domain.action import Actor
from controlplane.domain.errors import ProblemError
from controlplane.projects.models import Project


@dataclass(frozen=True)
class Kind:
    """One kind as the chooser shows it."""

    value: str
    label: str
    icon: str
    text: str


@dataclass(frozen=True)
class ResourcePageConfig:
    """`word` is what people call one; `prefix` begins its view names; `kind_field` is what decides its form."""

    word: str
    plural: str
    prefix: str
    icon: str
    model: type[Catalogued]
    form: type[EntryForm]
    kinds: tuple[Kind, ...]
    create: Callable[..., Any]
    update: Callable[..., Any]
    remove: Callable[..., None]
    try_out: Callable[..., Any]
    kind_field: str = "kind"

    def url(self, name: str, project: Project, pk: int | None = None) -> str:
        given = {"project": project.slug} | ({} if pk is None else {"pk": pk})
        return reverse(f"agents:{self.prefix}{name}", kwargs=given)

    def kind(self, value: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.value == value), None)

    def kind_of(self, row: Any) -> str:
        return str(getattr(row, self.kind_field))


class Editor:
    """The forms of one entry, new or known, empty or as somebody filled them in."""

    def __init__(
        self,
        resource: ResourcePageConfig,
        kind: str,
        project: Project,
        row: Any = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.resource, self.kind, self.project, self.row = resource, kind, project, row
        self.conflict: ProblemError | None = None
        data = overwriting(data)
        document = document_of(row or resource.model())
        config = document.get("config") or None
        start = {**document, "version_no": row.version_no if row else None}
        self.main = resource.form(data, initial=start)
        if getattr(row, "min_replicas", None) is not None:
            # Scaling changes it; a form that was open meanwhile would set it back.
            del self.main.fields["max_concurrent"]
        self.config: ConfigForm | None = None
        if kind in CONFIG_FORMS:
            self.config = CONFIG_FORMS[kind](data, initial=config, project_id=project.pk)
        self.is_kept = bool(row) and "url" in self.main.fields
        if self.is_kept:
            self.main.fields["url"].help_text = f"Now {row.address}. Leave it empty to keep it; it is never shown."
        elif "url" in self.main.fields:
            self.main.fields["url"].help_text = CONNECTION_HELP[kind]

    @property
    def forms(self) -> list[Any]:
        return [form for form in (self.main, self.config) if form is not None]

    @property
    def connection(self) -> list[Any]:
        return [self.main["url"]] if "url" in self.main.fields else []

    @property
    def next_version(self) -> int:
        return self.row.version_no + 1

    @property
    def is_valid(self) -> bool:
        return not [form for form in self.forms if not form.is_valid()]

    def values(self) -> dict[str, Any]:
        values = dict(self.main.cleaned_data)
        version_no = values.pop("version_no")
        if self.row:
            values["version_no"] = version_no
        if self.config is not None:
            values["config"] = self.config.config()
        return values if self.row else {**values, self.resource.kind_field: self.kind}

    def save(self, *, by: Actor, **more: Any) -> Any:
        """The saved row, or None when the forms now show what is wrong. `more` goes to the action as it is."""
        if not self.is_valid:
            return None
        try:
            if self.row:
                return self.resource.update(self.row, by=by, **self.values(), **more)
            return self.resource.create(self.project, by=by, **self.values(), **more)
        except ProblemError as problem:
            if problem.status == 403:
                raise
            if problem.code == "edited_meanwhile":
                self.conflict = problem
            else:
                show_problem(problem, *self.forms)
            return None


def overwriting(data: Any) -> Any:
    """What was posted; `overwrite`, the version of another that is to be overwritten, goes before the one seen."""
    if data is None or not data.get("overwrite"):
        return data
    changed = data.copy()
    changed["version_no"] = data["overwrite"]
    return changed


CONNECTION_HELP = {
    "postgres": "postgresql://user:password@host:5432/database, with a role that can only read. Secrets are written "
    "${{ secrets.NAME }}. It is kept sealed and never shown again.",
    "sqlite": "The path of a SQLite file on the server.",
    "duckdb": "A folder, or a pattern such as /data/*.parquet, of CSV, TSV or Parquet files on the server.",
}
HTTP = Kind("http", "HTTP", "http", "Calls an address with JSON and takes the JSON it answers.")
FUNCTION = Kind("function", "Function", "function", "Calls a Python function that is registered in this installation.")
SQL = Kind("sql", "SQL", "database", "Runs one reading statement on an instance, with the input as its parameters.")
LLM = Kind("llm", "Model", "agent", "Lets a model work with the tools you list, within limits on steps and money.")

TOOL = ResourcePageConfig(
    word="tool",
    plural="tools",
    prefix="tool_",
    icon="tool",
    model=Tool,
    form=ToolForm,
    kinds=(HTTP, FUNCTION, SQL),
    create=actions.create_tool,
    update=actions.update_tool,
    remove=actions.delete_tool,
    try_out=actions.try_tool,
)
AGENT = ResourcePageConfig(
    word="agent",
    plural="agents",
    prefix="",
    icon="agent",
    model=Agent,
    form=AgentForm,
    kinds=(LLM, HTTP, FUNCTION),
    create=actions.create_agent,
    update=actions.update_agent,
    remove=actions.delete_agent,
    try_out=actions.try_agent,
)
INSTANCE = ResourcePageConfig(
    word="instance",
    plural="instances",
    prefix="instance_",
    icon="instance",
    model=Instance,
    form=InstanceForm,
    kinds=(
        Kind(Engine.POSTGRES, "PostgreSQL", "database", "A database, reached with a role that can only read."),
        Kind(Engine.SQLITE, "SQLite file", "file", "A database file on the server, opened read-only."),
        Kind(Engine.DUCKDB, "CSV or Parquet", "list", "Data files on the server as tables, read by DuckDB."),
    ),
    create=actions.create_instance,
    update=actions.update_instance,
    remove=actions.delete_instance,
    try_out=actions.try_instance,
    kind_field="engine",
)
