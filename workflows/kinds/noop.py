"""`noop`: nothing, for joining branches."""

from __future__ import annotations

from controlplane.domain.json_schema import closed
from workflows.kinds.declaration import StepKind

KIND = StepKind(
    name="noop",
    label="Nothing",
    icon="circle-dashed",
    does="Nothing; useful to join branches.",
    takes="nothing",
    example="{key: joined, uses: noop}",
    schema=closed({}),
    pure=True,
    instant=True,
)
