"""`transform`: a value made of other values."""

from __future__ import annotations

from workflows.kinds.declaration import StepKind

KIND = StepKind(
    name="transform",
    label="Transform",
    icon="function",
    does="Makes a value of other values.",
    takes="any value; filled in, it is the output",
    example='{key: opened, uses: transform, with: {total: "${{ 1 + 1 }}"}}',
    schema={},
    pure=True,
    instant=True,
)
