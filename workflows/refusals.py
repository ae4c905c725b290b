"""The states in which verbs on workflows and versions are refused, each written once."""

from __future__ import annotations

from functools import partial

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from controlplane.domain.errors import ActionRefused, Conflict
from controlplane.domain.refusals import Refusal
from controlplane.domain.words import counted
from workflows.library.dependencies import find_dependents
from workflows.models import Version, VersionState, Workflow, drafts_of


def in_use(verb: str, workflow: Workflow) -> Conflict:
    """Names the other workflows that start this one."""
    found = find_dependents("workflow", workflow.project_id, workflow.name)
    users = [one for one in found if one.pk != workflow.pk]
    return Conflict(
        f"{workflow.name} cannot be {verb}: {', '.join(one.name for one in users[:10])} would break.",
        code="in_use",
        dependents=[{"kind": one.kind, "id": one.pk, "name": one.name} for one in users],
    )


def unfinished_runs(workflow: Workflow) -> ActionRefused:
    live = workflow.runs.live().count()
    return ActionRefused(f"{workflow.name} has {counted(live, 'unfinished runs')}. Cancel first.", runs=live)


def needs_confirmation(workflow: Workflow) -> Conflict:
    runs = workflow.runs.count()
    message = f"{workflow.name} has {counted(runs, 'runs')}, which would be deleted too. Confirm with its name."
    return Conflict(message, code="needs_confirmation", runs=runs)


def draft_in_the_way(version: Version) -> Conflict:
    by = Version.objects.values_list("updated_by", flat=True).get(workflow=version.workflow_id, state="draft")
    return Conflict(f"{by} has a draft here. Release or discard it first.")


def workflow_of(version: Version) -> QuerySet[Workflow]:
    return Workflow.objects.select_for_update(no_key=True, of=("self",)).filter(pk=version.workflow_id)


def refused_while_used(verb: str) -> Refusal:
    return Refusal(Exists(USERS), "Other workflows start it and would break.", partial(in_use, verb))


# What `dependencies.workflows_using` finds, for many workflows at once.
USERS = Version.objects.filter(
    Q(state=VersionState.DRAFT) | Q(pk=F("workflow__current_id")),
    workflow__project=OuterRef("project"),
    workflow__archived_at=None,
    uses__contains=[Concat(Value("workflow:"), OuterRef("name"))],
).exclude(workflow=OuterRef("pk"))
HERE = Workflow.objects.filter(pk=OuterRef("pk"))
ARCHIVED = Refusal(Q(archived_at__isnull=False), "This workflow is archived. Unarchive it first.")
ARCHIVED_ALREADY = Refusal(Q(archived_at__isnull=False), "It is archived already.")
NOT_ARCHIVED = Refusal(Q(archived_at__isnull=True), "It is not archived.")
NO_DRAFT = Refusal(
    ~Exists(Version.objects.filter(workflow=OuterRef("pk"), state=VersionState.DRAFT)), "It has no draft."
)
ONLY_DRAFT = Refusal(Q(current=None), "This draft is all there is of the workflow. Delete the workflow instead.")
IN_USE_ARCHIVED, IN_USE_DELETED, IN_USE_RENAMED = map(refused_while_used, ("archived", "deleted", "renamed"))
UNFINISHED_RUNS = Refusal(
    Exists(HERE.filter(runs__isnull=False, runs__ended_at=None)),
    "It has unfinished runs. Cancel first.",
    unfinished_runs,
)
HAS_RUNS = Refusal(
    Exists(HERE.filter(runs__isnull=False)),
    "It has runs. Delete it on its own page, which asks for its name.",
    needs_confirmation,
    waived_by="confirm",
)
# Of a version.
IS_DRAFT = Refusal(Q(state=VersionState.DRAFT), "This version is the draft already.")
WORKFLOW_ARCHIVED = Refusal(Q(workflow__archived_at__isnull=False), "This workflow is archived. Unarchive it first.")
DRAFT_IN_THE_WAY = Refusal(
    Exists(drafts_of(OuterRef("workflow"))),
    "Somebody has a draft here. Release or discard it first.",
    draft_in_the_way,
)
