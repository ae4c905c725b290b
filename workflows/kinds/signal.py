"""`signal`: another system, or a person, says when to go on, and with what."""

from __future__ import annotations

from controlplane.domain.json_schema import closed
from workflows.kinds.declaration import StepKind

KIND = StepKind(
    name="signal",
    label="Signal",
    icon="webhook",
    does="Waits until another system or a person sends it a signal.",
    takes="perhaps `message`, shown to whoever sends it. What is sent is the step's output",
    example='{key: loaded, uses: signal, timeout_seconds: 3600, with: {message: "Is the load done?"}}',
    schema=closed({"message": {"type": "string", "description": "What is waited for, in words."}}),
    waits_for="signal",
    inline=True,
    reusable=False,
    no_retry="A signal is waited for once, for as long as timeout_seconds says.",
)
