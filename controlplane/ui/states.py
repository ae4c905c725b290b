"""How each state looks: a word, a tone and an icon, so that no state is told by colour alone. Exists once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """`tone` is one of neutral, info, success, warning, orange, danger, purple; `icon` a name in static/icons.json."""

    label: str
    tone: str
    icon: str
    spins: bool = False


LOOKS = {
    "queued": Look("Queued", "neutral", "clock"),
    "running": Look("Running", "info", "loader", spins=True),
    "waiting_approval": Look("Waiting for approval", "purple", "question"),
    "paused": Look("Paused", "warning", "pause"),
    "stopping": Look("Stopping", "orange", "cancel"),
    "succeeded": Look("Succeeded", "success", "circle-check"),
    "partially_succeeded": Look("Partially succeeded", "warning", "circle-half"),
    "failed": Look("Failed", "danger", "circle-x"),
    "cancelled": Look("Cancelled", "neutral", "ban"),
    "timed_out": Look("Timed out", "orange", "clock-off"),
    "pending": Look("Pending", "neutral", "circle-dashed"),
    "waiting": Look("Waiting", "purple", "hourglass"),
    "retrying": Look("Retrying", "orange", "retry"),
    "lost": Look("Worker lost", "orange", "alert"),
    "skipped": Look("Skipped", "neutral", "skip"),
    "needs_review": Look("Needs review", "purple", "alert"),
    "draft": Look("Draft", "warning", "edit"),
    "released": Look("Released", "success", "circle-check"),
    "retired": Look("Retired", "neutral", "archive"),
    "active": Look("Active", "success", "circle-check"),
    "inactive": Look("Inactive", "neutral", "circle-minus"),
    "enabled": Look("Enabled", "success", "circle-check"),
    "disabled": Look("Disabled", "neutral", "circle-minus"),
    "healthy": Look("Healthy", "success", "health"),
    "degraded": Look("Degraded", "warning", "alert"),
    "unhealthy": Look("Unhealthy", "danger", "error"),
    "unreachable": Look("Unreachable", "danger", "error"),
    "unknown": Look("Unknown", "neutral", "help"),
    "approved": Look("Approved", "success", "circle-check"),
    "rejected": Look("Rejected", "danger", "circle-x"),
    "expired": Look("Expired", "neutral", "clock-off"),
    "revoked": Look("Revoked", "neutral", "ban"),
    "stale": Look("Stale", "warning", "history"),
    "observe": Look("Observe", "info", "eye"),
    "warn": Look("Warn", "warning", "alert"),
    "require_approval": Look("Require approval", "purple", "question"),
    "block": Look("Block", "danger", "ban"),
    "debug": Look("Debug", "neutral", "info"),
    "info": Look("Info", "info", "info"),
    "warning": Look("Warning", "warning", "alert"),
    "error": Look("Error", "danger", "error"),
    "critical": Look("Critical", "danger", "error"),
    "development": Look("Dev", "neutral", "code"),
    "dev": Look("Dev", "neutral", "code"),
    "staging": Look("Staging", "info", "test"),
    "production": Look("Production", "purple", "deploy"),
}


def look_of(thing: object) -> Look:
    """The look of a state name, or of an object by its `state`, `status` or `level`. Unknown words stay readable."""
    state = thing
    for name in ("state", "status", "level"):
        if not isinstance(thing, str) and hasattr(thing, name):
            state = getattr(thing, name)
            break
    word = str(getattr(state, "value", state) or "unknown")
    return LOOKS.get(word) or Look(word.replace("_", " ").capitalize(), "neutral", "circle-dashed")
