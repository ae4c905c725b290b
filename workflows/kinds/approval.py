"""`approval`: a person decides whether the run goes on."""

from __future__ import annotations

from workflows.kinds.declaration import StepKind

KIND = StepKind(
    name="approval",
    label="Approval",
    icon="hand",
    does="Asks a person whether the run goes on.",
    takes="",
    example="{key: gate, uses: approval}",
    schema={},
    unavailable="Approval steps are not available yet.",
)
