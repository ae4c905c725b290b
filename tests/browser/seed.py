"""Fills an empty database for the browser tests, through the actions; prints as JSON who and what there is.

Run as `python -m tests.browser.seed`, with the environment of the processes that the browser will talk to.
"""

from __future__ import annotations

import json
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from agents.actions import create_tool  # noqa: E402
from tests.world import ROLES, World, build_world  # noqa: E402
from workflows.actions import create_workflow, release_draft  # noqa: E402

TOOLS = {
    "echo": "test-echo",
    "sleep": "test-sleep",
    "chat": "test-log",
    "store": "browser-full",
    "linger": "browser-slow-to-stop",
}
ASKED = {"sleep": {"type": "object", "properties": {"seconds": {"type": "integer", "title": "Seconds"}}}}
PARAMETERS = {
    "type": "object",
    "required": ["seconds"],
    "properties": {
        "seconds": {"type": "integer", "title": "Seconds", "minimum": 0, "maximum": 600},
        "colour": {"type": "string", "title": "Colour", "enum": ["red", "green"], "default": "green"},
        "note": {"type": "string", "title": "Note", "maxLength": 20},
    },
}
# Values that a form would easily change, each with a default that it must not become.
PARTICULAR = {
    "type": "object",
    "properties": {
        "prefix": {"type": "string", "title": "Prefix", "default": "pre"},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["x"]},
        "limit": {"type": ["integer", "null"], "default": 5},
        "maybe": {"type": ["string", "null"], "default": "yes"},
        "note": {"type": "string", "title": "Note", "default": "none"},
        "doc": {"type": "string", "maxLength": 5000, "default": "d"},
        "ends": {"type": "string", "default": "cr"},
    },
}
WORKFLOWS: dict[str, dict[str, Any]] = {
    "steady": {
        "params": PARAMETERS,
        "steps": [
            {"key": "announce", "uses": "tool:chat", "with": {"lines": 3}},
            {"key": "toil", "uses": "tool:sleep", "needs": ["announce"], "with": {"seconds": "${{ params.seconds }}"}},
            {"key": "report", "uses": "tool:echo", "needs": ["toil"], "with": {"colour": "${{ params.colour }}"}},
        ],
        "outputs": {"colour": "${{ steps.report.output.colour }}"},
    },
    "broken": {
        "steps": [
            {"key": "begin", "uses": "noop"},
            {"key": "store", "uses": "tool:store", "needs": ["begin"], "with": {"rows": 12}},
            {"key": "tell", "uses": "noop", "needs": ["store"]},
        ],
    },
    "fan": {
        "steps": [
            {"key": "each", "uses": "tool:echo", "foreach": "${{ [1, 2, 3] }}", "with": {"number": "${{ item }}"}},
            {"key": "join", "uses": "noop", "needs": ["each"]},
        ],
    },
    "lingering": {"steps": [{"key": "linger", "uses": "tool:linger"}]},
    "particular": {"params": PARTICULAR, "steps": [{"key": "begin", "uses": "noop"}]},
}


def seed() -> dict[str, Any]:
    """Everything that the tests know by name."""
    world = build_world()
    for name, function in TOOLS.items():
        create_tool(
            world.acme,
            name=name,
            kind="function",
            config={"function": function},
            input_schema=ASKED.get(name, {}),
            idempotent=True,
            by=world.actor("erin"),
        )
    return {
        "sessions": {name: world.client(name).cookies["sessionid"].value for name in [*ROLES, "mallory"]},
        "tokens": {name: world.token(name) for name in [*ROLES, "mallory"]},
        "workflows": {name: release(world, name, document) for name, document in WORKFLOWS.items()},
    }


def release(world: World, name: str, document: dict[str, Any]) -> int:
    erin = world.actor("erin")
    workflow = create_workflow(world.acme, name=name, text=json.dumps(document, indent=2), by=erin)
    release_draft(workflow, by=erin)
    return workflow.pk


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(seed()))
