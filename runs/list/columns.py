"""What a list of runs shows, on the page and as CSV."""

from __future__ import annotations

from django.db.models import BigIntegerField, Case, Func, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.listing.declaration.cells import badge, duration, moment, one_line, row_link, tags
from controlplane.listing.declaration.columns import Column
from controlplane.ui.formats import money_text
from runs.models import Run


class Milliseconds(Func):
    """From one time to another, as a whole number; null while either is missing."""

    output_field = BigIntegerField()
    template = "(extract(epoch FROM (%(expressions)s)) * 1000)::bigint"
    arg_joiner = " - "


ATTENTION = Case(When(attention_since=None, then=Value("no")), default=Value("yes"))


def run_link(run: Run) -> SafeString:
    return row_link("runs:detail", run, f"#{run.pk}")


def workflow_and_version(run: Run) -> SafeString:
    version = f"v{run.version.number}" if run.version else "elsewhere" if run.trigger == "external" else "draft"
    return format_html('{} <span class="faint">{}</span>', run.workflow.name, version)


COLUMNS = [
    Column("id", "Run", value=run_link, main=True, links_row=True),
    Column("workflow", "Workflow", value=workflow_and_version, csv="workflow__name"),
    Column("version", "Version", value=lambda run: run.version and run.version.number, csv="version__number",
           default=False, align="end"),
    Column("status", "Status", value=lambda run: badge(run.shown_state), csv="state"),
    Column("needs_attention", "Needs attention", value=lambda run: "yes" if run.needs_attention else "",
           csv=ATTENTION, default=False),
    Column("environment", "Environment", value=lambda run: badge(run.environment, "plain")),
    Column("trigger", "Trigger", value=lambda run: run.get_trigger_display()),
    Column("agent", "Agent", value=lambda run: run.agent and run.agent.name, csv="agent__name"),
    Column("tags", "Tags", value=lambda run: tags(run.tags)),
    Column("created_by", "Started by"),
    Column("created_at", "Created", value=lambda run: moment(run.created_at), order="created"),
    Column("started_at", "Started", value=lambda run: moment(run.started_at), default=False),
    Column("ended_at", "Ended", value=lambda run: moment(run.ended_at), default=False),
    Column("duration_ms", "Duration", value=lambda run: run_duration(run),
           csv=Milliseconds("ended_at", "started_at"), align="end"),
    Column("cost_usd", "Cost", value=lambda run: money_text(run.cost_usd), align="end"),
    Column("error_type", "Error type", value=lambda run: (run.error or {}).get("type"),
           csv=KeyTextTransform("type", "error"), default=False),
    Column("error", "Error", value=lambda run: one_line(str((run.error or {}).get("message", ""))),
           csv=KeyTextTransform("message", "error"), default=False, wrap=True),
]  # fmt: skip


def run_duration(run: Run) -> SafeString | str:
    return duration(run.duration_ms if run.is_final else None, run.started_at)
