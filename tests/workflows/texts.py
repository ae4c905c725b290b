"""Specifications that the tests of this app type."""

from __future__ import annotations

GOOD = """\
params:
  type: object
  properties:
    days: {type: integer, default: 7}
steps:
  - key: first
    uses: transform
    with: {days: "${{ params.days }}"}
  - key: second
    uses: noop
    needs: [first]
"""
OTHER = GOOD.replace("default: 7", "default: 14")
# Each can be read and kept as a draft: text, field of the error, line.
INVALID = {
    "cycle": ("steps:\n- {key: a, uses: noop, needs: [b]}\n- {key: b, uses: noop, needs: [a]}\n", "steps[0].needs", 2),
    "dangling need": ("steps:\n- {key: a, uses: noop, needs: [gone]}\n", "steps[0].needs[0]", 2),
    "unknown tool": ("steps:\n- key: a\n  uses: tool:gone\n", "steps[0].uses", 3),
    "unknown agent": ("steps:\n- key: a\n  uses: agent:gone\n  with: {prompt: Hi}\n", "steps[0].uses", 3),
    "unknown instance": (
        "steps:\n- key: a\n  uses: query\n  with:\n    instance: gone\n    sql: SELECT 1\n",
        "steps[0].with.instance",
        5,
    ),
    "unknown workflow": ("steps:\n- key: a\n  uses: workflow:gone\n", "steps[0].uses", 3),
    "unknown parameter": (
        "steps:\n- key: a\n  uses: transform\n  with: {x: '${{ params.gone }}'}\n",
        "steps[0].with.x",
        4,
    ),
    "broken expression": ("steps:\n- key: a\n  uses: noop\n  when: 'params.('\n", "steps[0].when", 4),
    "unknown key": ("steps:\n- key: a\n  uses: noop\n  whenever: 1\n", "steps[0].whenever", 4),
    "no steps": ("params: {}\n", "steps", 1),
}
UNREADABLE = {
    "bad yaml": "steps: [\n",
    "bad json": '{"steps": ]}',
    "a list": "- 1\n- 2\n",
    "empty": "  \n",
    "an alias": "a: &x 1\nb: *x\n",
    "a null character": '{"steps": "\\u0000"}',
    "half a character": '{"steps": "\\ud800"}',
    "an infinite number": '{"steps": 1e999}',
    "deep nesting": "[" * 5000,
}


def calling(name: str) -> str:
    """A specification that starts workflow `name`."""
    return f"steps:\n- key: child\n  uses: workflow:{name}\n"
