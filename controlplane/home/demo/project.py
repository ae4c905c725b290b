"""Making the demo: through the same actions as a person, each piece once."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import transaction

from agents.models import Instance
from controlplane.domain.errors import ActionRefused
from controlplane.home.demo.tools_and_instances import PORTAL_DATABASE, create_instances, create_tools
from controlplane.projects.actions import create_project
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import SYSTEM, Actor
from runs.actions import start_run
from runs.models import Run
from workflows.actions import create_workflow, release_draft
from workflows.models import Workflow

SLUG, STARTED, DATABASE_HEALTH = "demo", "software-inventory", "database-health.yaml"
NOTE = "As it comes with the portal."
INVENTORY = "Lists the Python packages installed here, loads them into a warehouse, and makes their texts searchable."
DATABASE = "Looks at the portal's own database: size, connections, slowest tables, queue. Says what needs attention."
WAREHOUSE = (
    "Looks at the warehouse file. The portal's own database is not queried, because no role that can only read "
    "could be made there."
)
PORTAL = "Asks the portal's own health addresses over HTTP, waits a moment, asks again, and compares."


def create_demo(by: Actor = SYSTEM) -> Project:
    """The project `demo` with its tools, instances and three released workflows; the inventory is started.

    What exists already is left as it is. Raises ActionRefused while there is no administrator to own it.
    """
    project = Project.objects.filter(slug=SLUG).first() or new_project(by)
    create_tools(project, by)
    create_instances(project, by)
    for name, (file, description) in workflows(project).items():
        create_released(project, name, file, description, by)
    start_inventory(project, by)
    return project


def new_project(by: Actor) -> Project:
    owner = get_user_model().objects.filter(is_superuser=True).order_by("pk").first()
    if owner is None:
        raise ActionRefused("Create an administrator first: the demo project belongs to one.")
    return create_project(slug=SLUG, name="Demo", by=by, owner=owner)


def workflows(project: Project) -> dict[str, tuple[str, str]]:
    """Name -> the file with its specification, and its description."""
    reads_own = Instance.objects.filter(project=project, name=PORTAL_DATABASE).exists()
    return {
        STARTED: ("software-inventory.yaml", INVENTORY),
        "database-health": (DATABASE_HEALTH, DATABASE) if reads_own else ("warehouse-health.yaml", WAREHOUSE),
        "portal-health": ("portal-health.yaml", PORTAL),
    }


def create_released(project: Project, name: str, file: str, description: str, by: Actor) -> None:
    if Workflow.objects.filter(project=project, name=name).exists():
        return
    text = specification(file)
    with transaction.atomic():
        workflow = create_workflow(project, name=name, description=description, tags=["demo"], text=text, by=by)
        release_draft(workflow, note=NOTE, by=by)


def specification(file: str) -> str:
    return (Path(__file__).parent / file).read_text(encoding="utf-8")


def start_inventory(project: Project, by: Actor) -> None:
    workflow = Workflow.objects.select_related("project", "current").get(project=project, name=STARTED)
    if not Run.objects.filter(workflow=workflow).exists():
        start_run(workflow, inputs={}, tags=["demo"], by=by)
