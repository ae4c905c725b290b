"""`agent:NAME`, or `agent` alone: the agent is chosen when the run starts."""

from __future__ import annotations

from controlplane.domain.json_schema import closed
from workflows.kinds.declaration import StepKind, Target

KIND = StepKind(
    name="agent",
    label="Agent",
    icon="agent",
    does="Hands a task to an agent.",
    takes="`prompt` (text), `input` (any value), or both",
    example='{key: review, uses: "agent:triager", with: {prompt: "Rank the open issues."}}',
    schema=closed(
        {
            "prompt": {"type": "string", "description": "What the agent is asked, in words."},
            "input": {"description": "Anything beside the prompt."},
        },
        anyOf=[{"required": ["prompt"]}, {"required": ["input"]}],
    ),
    sentences={"anyOf": "An agent needs a prompt or an input."},
    target=Target("agents.Agent", "agents:detail", without="the same; the agent is chosen when the run starts"),
)
