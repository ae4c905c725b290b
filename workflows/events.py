"""The events this app records."""

WORKFLOW_CREATED = "workflow.created"  # a new one, with a draft
WORKFLOW_UPDATED = "workflow.updated"  # name, description or tags changed
DRAFT_SAVED = "workflow.draft_saved"  # somebody edited the specification
DRAFT_DISCARDED = "workflow.draft_discarded"  # the draft was thrown away
WORKFLOW_RELEASED = "workflow.released"  # the draft became the version that runs start
VERSION_RESTORED = "workflow.version_restored"  # an old version was copied into the draft
WORKFLOW_ARCHIVED = "workflow.archived"  # hidden, and no longer startable
WORKFLOW_UNARCHIVED = "workflow.unarchived"  # back in the list
WORKFLOW_DELETED = "workflow.deleted"  # gone, with its versions and runs
