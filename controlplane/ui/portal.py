"""What this app adds to the portal: how words look that many things share."""

from __future__ import annotations

from controlplane.portal.descriptor import Look, Portal

PORTAL = Portal(
    looks={
        "queued": Look("Queued", "neutral", "clock"),
        "running": Look("Running", "info", "loader", spins=True),
        "succeeded": Look("Succeeded", "success", "circle-check"),
        "partially_succeeded": Look("Partially succeeded", "warning", "circle-half"),
        "failed": Look("Failed", "danger", "circle-x"),
        "cancelled": Look("Cancelled", "neutral", "ban"),
        "pending": Look("Pending", "neutral", "circle-dashed"),
        "skipped": Look("Skipped", "neutral", "skip"),
        "draft": Look("Draft", "warning", "edit"),
        "active": Look("Active", "success", "circle-check"),
        "inactive": Look("Inactive", "neutral", "circle-minus"),
        "enabled": Look("Enabled", "success", "circle-check"),
        "disabled": Look("Disabled", "neutral", "circle-minus"),
        "expired": Look("Expired", "neutral", "clock-off"),
        "revoked": Look("Revoked", "neutral", "ban"),
        "stale": Look("Stale", "warning", "history"),
        "unknown": Look("Unknown", "neutral", "help"),
        "debug": Look("Debug", "neutral", "info"),
        "info": Look("Info", "info", "info"),
        "warning": Look("Warning", "warning", "alert"),
        "error": Look("Error", "danger", "error"),
        "critical": Look("Critical", "danger", "error"),
        "development": Look("Dev", "neutral", "code"),
        "dev": Look("Dev", "neutral", "code"),
        "staging": Look("Staging", "info", "test"),
        "production": Look("Production", "purple", "deploy"),
    },
)
