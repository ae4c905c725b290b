"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Beginning, Entry, Look, Portal, Subject, Words

PORTAL = Portal(
    navigation=(Entry("Workflows", "workflow", "workflows:list", 30),),
    beginnings=(Beginning("New workflow", "workflow", "workflows:new", 30),),
    subjects=(Subject("workflow", "workflows:detail", model="workflows.Workflow", place=20),),
    words={
        "workflow.draft_saved": Words("saved a draft of"),
        "workflow.draft_discarded": Words("discarded the draft of"),
        "workflow.version_restored": Words("restored a version of"),
        "workflow.unarchived": Words("brought back"),
        "workflow.updated": Words("changed"),
    },
    looks={
        "released": Look("Released", "success", "circle-check"),
        "retired": Look("Retired", "neutral", "archive"),
    },
    lists={"workflows": "workflows.library.listing.WORKFLOWS"},
    dependents=("workflows.library.dependencies.find_dependents",),
)
