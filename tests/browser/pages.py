"""The pages that every look and every width must suit. `{run}`, `{workflow}` and `{tool}` are ids."""

from __future__ import annotations

from tests.browser.stack import Stack

MAIN = {
    "overview": "",
    "runs": "runs/",
    "run": "runs/{run}/",
    "log": "runs/{run}/logs/",
    "data": "runs/{run}/data/",
    "new run": "runs/new?workflow={workflow}",
    "workflows": "workflows/",
    "workflow": "workflows/{workflow}/",
    "editor": "workflows/{workflow}/draft",
    "tools": "tools/",
    "tool": "tools/{tool}/",
    "activity": "activity",
}


def path_of(name: str, stack: Stack) -> str:
    tool = stack.api("tools")["results"][0]["id"]
    return MAIN[name].format(run=failed_run(stack), workflow=stack.seeded["workflows"]["steady"], tool=tool)


def failed_run(stack: Stack) -> int:
    """One and the same for all that look at it."""
    return stack.seeded.setdefault("failed", 0) or remember(stack)


def remember(stack: Stack) -> int:
    stack.seeded["failed"] = stack.finished("broken")
    return stack.seeded["failed"]
