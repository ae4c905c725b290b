"""Verbs on workflows: a draft is written, released as a version that never changes, and retired by the next one."""

from workflows.actions.describing import add_tags, archive_workflow, remove_tags, unarchive_workflow, update_workflow
from workflows.actions.drafting import discard_draft, import_draft, release_draft, restore_version, save_draft
from workflows.actions.making import (
    create_workflow,
    delete_workflow,
    duplicate_workflow,
    import_workflow,
    register_task,
)
from workflows.actions.writing import LONGEST_DESCRIPTION

__all__ = [
    "LONGEST_DESCRIPTION",
    "add_tags",
    "archive_workflow",
    "create_workflow",
    "delete_workflow",
    "discard_draft",
    "duplicate_workflow",
    "import_draft",
    "import_workflow",
    "register_task",
    "release_draft",
    "remove_tags",
    "restore_version",
    "save_draft",
    "unarchive_workflow",
    "update_workflow",
]
