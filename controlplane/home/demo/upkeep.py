"""What an earlier version made for the demo becomes what this one makes."""

from __future__ import annotations

import logging

from django.db import transaction

from agents.databases.connect import parse_connection
from agents.databases.own_database import reader_role
from agents.instances.connections import seal_url, stored_url
from agents.instances.portal_database import database_name
from agents.models import Engine, Instance
from controlplane.domain.errors import ProblemError
from controlplane.domain.failures import Misconfigured
from controlplane.home.demo.project import DATABASE_HEALTH, NOTE, specification
from controlplane.home.demo.reader import drop_reader, make_reader
from controlplane.projects.secrets.encryption import Unreadable
from controlplane.projects.tenants.actors import SYSTEM
from workflows.actions import release_draft, save_draft
from workflows.models import Workflow

logger = logging.getLogger(__name__)


def keep_up_demo() -> None:
    """The reader has exactly the rights it needs, and none remains that nobody uses; the workflow asks what it may.

    A workflow that somebody changed stays as it is.
    """
    instances = instances_of_reader()
    if not instances:
        drop_reader()
        return
    renew_reader(instances)
    names = {"name": "database-health", "project__in": [instance.project_id for instance in instances]}
    for workflow in Workflow.objects.live().filter(**names).select_related("project", "current"):
        renew_workflow(workflow)


def instances_of_reader() -> list[Instance]:
    return [instance for instance in Instance.objects.filter(engine=Engine.POSTGRES) if is_readers(instance)]


def is_readers(instance: Instance) -> bool:
    try:
        conninfo = parse_connection(Engine.POSTGRES, stored_url(instance)).conninfo
    except (Misconfigured, Unreadable):
        return False
    return (conninfo["user"], conninfo["dbname"]) == (reader_role(), database_name())


@transaction.atomic
def renew_reader(instances: list[Instance]) -> None:
    """A new password each time; the URLs change with it or not at all."""
    url = make_reader()
    if url is None:
        logger.warning("The demo's role could not be made anew", extra={"action": "reader_not_renewed"})
        return
    for instance in instances:
        seal_url(instance, url)
        Instance.objects.filter(pk=instance.pk).update(sealed_url=instance.sealed_url)


def renew_workflow(workflow: Workflow) -> None:
    """Release this version's specification over one that came with an earlier version."""
    text, current = specification(DATABASE_HEALTH), workflow.current
    if current is None or (current.released_by, current.note) != (SYSTEM.name, NOTE):
        return
    if current.text == text or workflow.find_draft():
        return
    try:
        with transaction.atomic():
            save_draft(workflow, text=text, by=SYSTEM)
            release_draft(workflow, note=NOTE, by=SYSTEM)
    except ProblemError as problem:
        logger.warning("The demo's workflow stays as it is: %s", problem, extra={"action": "demo_not_renewed"})
