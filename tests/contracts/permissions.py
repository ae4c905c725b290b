"""Who may do what: every address of the portal with its methods, each with the lowest role that it answers.

A role is one in the project of the thing asked for. Beside roles there are:
  public     everybody, without signing in
  signed-in  everybody with an account that is not disabled
  superuser  administrators of the installation
  closed     nobody

A route or method that is not here does not pass the test, and one that is here but nowhere else does not either.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

PUBLIC, SIGNED_IN, SUPERUSER, CLOSED = "public", "signed-in", "superuser", "closed"
VIEWER, OPERATOR, APPROVER, EDITOR, ADMIN = "viewer", "operator", "approver", "editor", "admin"


@dataclass(frozen=True)
class Route:
    """`subject` names the thing in the address (see tests/contracts/subjects.py); `levels` is method -> lowest role."""

    subject: str
    levels: MappingProxyType[str, str]


def route(subject: str = "", /, **levels: str) -> Route:
    return Route(subject, MappingProxyType({method.upper(): level for method, level in levels.items()}))


def catalogue_pages(prefix: str, subject: str) -> dict[str, Route]:
    """Tools, agents and instances have the same pages."""
    pages = {
        "list": route(get=VIEWER, post=EDITOR),
        "new": route(get=EDITOR, post=EDITOR),
        "detail": route(subject, get=VIEWER),
        "edit": route(subject, get=EDITOR, post=EDITOR),
        "delete": route(subject, get=ADMIN, post=ADMIN),
        "enable": route(subject, post=EDITOR),
        "disable": route(subject, post=EDITOR),
        "test": route(subject, get=OPERATOR, post=OPERATOR),
    }
    if subject == "instance":
        pages["test"] = route(subject, post=OPERATOR)
    else:
        pages["health"] = route(subject, get=VIEWER, post=EDITOR)
        pages["versions"] = route(subject, get=VIEWER)
        pages["restore"] = route(subject, post=EDITOR)
    if subject == "agent":
        pages["deploy"] = route(subject, post=EDITOR)
        pages["scale"] = route(subject, post=OPERATOR)
    if subject == "tool":
        pages["limits"] = route(subject, get=VIEWER)
    return {f"agents:{prefix}{name}": page for name, page in pages.items()}


def catalogue_endpoints(plural: str, subject: str) -> dict[str, Route]:
    more = {
        f"api:{subject}_health": route(subject, get=VIEWER, put=EDITOR),
        f"api:{subject}_versions": route(subject, get=VIEWER),
        f"api:{subject}_diff": route(subject, get=VIEWER),
        f"api:{subject}_restore": route(f"version of {subject}", post=EDITOR),
    }
    more = {} if subject == "instance" else more
    return more | {
        f"api:{plural}": route(get=VIEWER, post=EDITOR),
        f"api:{plural}_csv": route(get=VIEWER),
        f"api:{subject}": route(subject, get=VIEWER, put=EDITOR, patch=EDITOR, delete=ADMIN),
        f"api:{subject}_test": route(subject, post=OPERATOR),
    }


ENTRANCE = {
    "landing": route(get=SIGNED_IN),
    "new_project": route(get=SUPERUSER, post=SUPERUSER),
    "invitation": route(get=PUBLIC, post=SIGNED_IN),
    "profile": route(get=SIGNED_IN, post=SIGNED_IN),
    "session_end": route(post=SIGNED_IN),
    "ui:theme": route(post=PUBLIC),
    "health_live": route(get=PUBLIC),
    "health_ready": route(get=PUBLIC),
    "metrics": route(get=PUBLIC),
    "api_docs": route(get=SIGNED_IN),
}
RUN_PAGES = {
    "runs:list": route(get=VIEWER, post=OPERATOR),
    "runs:new": route(get=OPERATOR, post=OPERATOR),
    "runs:compare": route(get=VIEWER),
    "runs:detail": route("run", get=VIEWER),
    "runs:tab": route("run tab", get=VIEWER),
    "runs:part": route("run part", get=VIEWER),
    "runs:lines": route("run", get=VIEWER),
    "runs:log_file": route("run", get=VIEWER),
    "runs:events_after": route("run", get=VIEWER),
    "runs:artifact": route("artifact", get=VIEWER),
    "runs:step": route("step", get=VIEWER),
    "runs:review": route("step", post=OPERATOR),
    "runs:signal": route("step", post=OPERATOR),
    "runs:retry": route("run", post=OPERATOR),
    "runs:replay": route("run", get=OPERATOR, post=OPERATOR),
    "runs:control": route("run verb", post=OPERATOR),
    "runs:workflow_figures": route("workflow", get=VIEWER),
    "runs:agent_usage": route("agent", get=VIEWER),
    "runs:tool_usage": route("tool", get=VIEWER),
}
WORKFLOW_PAGES = {
    "workflows:list": route(get=VIEWER, post=EDITOR),
    "workflows:new": route(get=EDITOR, post=EDITOR),
    "workflows:import": route(get=EDITOR, post=EDITOR),
    "workflows:check": route(post=VIEWER),
    "workflows:words": route(get=VIEWER),
    "workflows:outline": route(post=VIEWER),
    "workflows:detail": route("workflow", get=VIEWER),
    "workflows:versions": route("workflow", get=VIEWER),
    "workflows:version": route("version", get=VIEWER),
    "workflows:diff": route("workflow", get=VIEWER),
    "workflows:details": route("workflow", get=EDITOR, post=EDITOR),
    "workflows:copy": route("workflow", get=EDITOR, post=EDITOR),
    "workflows:edit": route("workflow", get=EDITOR, post=EDITOR),
    "workflows:export": route("workflow", get=VIEWER),
    "workflows:draft_import": route("workflow", get=EDITOR, post=EDITOR),
    "workflows:release": route("workflow", get=EDITOR, post=EDITOR),
    "workflows:discard": route("workflow", post=EDITOR),
    "workflows:restore": route("version", post=EDITOR),
    "workflows:archive": route("workflow", post=EDITOR),
    "workflows:unarchive": route("workflow", post=EDITOR),
    "workflows:delete": route("workflow", get=ADMIN, post=ADMIN),
}
PROJECT_PAGES = {
    "home:overview": route(get=VIEWER),
    "home:part": route("overview part", get=VIEWER),
    "home:search": route(get=VIEWER),
    "events:activity": route(get=VIEWER),
    "projects:members": route(get=VIEWER, post=ADMIN),
    "projects:member_role": route("member", post=ADMIN),
    "projects:member_removal": route("member", post=ADMIN),
    "projects:invitations": route(post=ADMIN),
    "projects:invitation_revocation": route("invitation", post=ADMIN),
    # Everybody makes tokens for themselves; only an admin sees and revokes those of others.
    "projects:tokens": route(get=VIEWER, post=VIEWER),
    "projects:token_revocation": route("token", post=ADMIN),
    # Names only: values are shown to nobody.
    "projects:secrets": route(get=VIEWER, post=ADMIN),
    "projects:secret_deletion": route("secret", post=ADMIN),
    "projects:settings": route(get=VIEWER, post=ADMIN),
}
# Everybody sees the operations of the project; besides whoever started one, only an admin stops it or takes it back.
OPERATIONS = {
    "operations:list": route(get=VIEWER),
    "operations:detail": route("operation", get=VIEWER),
    "operations:result": route("operation", get=VIEWER),
    "operations:cancel": route("operation", post=ADMIN),
    "operations:undo": route("operation", post=ADMIN),
    "exports:file": route("export", get=VIEWER),
    "exports:manifest": route("export", get=VIEWER),
    "api:exports": route(post=VIEWER),
    "api:operation_file": route("export", get=VIEWER),
    "api:operations": route(get=VIEWER),
    "api:operation": route("operation", get=VIEWER),
    "api:operation_rows": route("operation", get=VIEWER),
    "api:operation_rows_csv": route("operation", get=VIEWER),
    "api:operation_cancel": route("operation", post=ADMIN),
    "api:operation_undo": route("operation", post=ADMIN),
}
RUN_ENDPOINTS = {
    "api:runs": route(get=VIEWER, post=OPERATOR),
    "api:runs_csv": route(get=VIEWER),
    "api:runs_counts": route(get=VIEWER),
    "api:runs_bulk": route(post=OPERATOR),
    "api:agents_bulk": route(post=EDITOR),
    "api:tools_bulk": route(post=EDITOR),
    "api:instances_bulk": route(post=EDITOR),
    "api:runs_compare": route(get=VIEWER),
    "api:run": route("run", get=VIEWER, delete=ADMIN),
    "api:run_export": route("run", get=VIEWER),
    "api:run_steps_csv": route("run", get=VIEWER),
    "api:run_steps_xlsx": route("run", get=VIEWER),
    "api:run_cancel": route("run", post=OPERATOR),
    "api:run_pause": route("run", post=OPERATOR),
    "api:run_resume": route("run", post=OPERATOR),
    "api:run_retry": route("run", post=OPERATOR),
    "api:run_replay": route("run", get=VIEWER, post=OPERATOR),
    "api:run_steps": route("run", get=VIEWER),
    "api:run_step": route("step", get=VIEWER),
    "api:step_review": route("step", post=OPERATOR),
    "api:step_signal": route("step", post=OPERATOR),
    "api:run_logs": route("run", get=VIEWER),
    "api:run_events": route("run", get=VIEWER),
    "api:run_artifacts": route("run", get=VIEWER),
    "api:run_artifact": route("artifact", get=VIEWER),
    "api:tasks": route(get=VIEWER, post=OPERATOR),
    "api:tasks_csv": route(get=VIEWER),
    "api:task": route("task", get=VIEWER, patch=OPERATOR),
}
WORKFLOW_ENDPOINTS = {
    "api:workflows": route(get=VIEWER, post=EDITOR),
    "api:workflows_csv": route(get=VIEWER),
    "api:workflows_bulk": route(post=EDITOR),
    "api:workflow": route("workflow", get=VIEWER, put=EDITOR, patch=EDITOR, delete=ADMIN),
    "api:workflow_runs": route("workflow", get=VIEWER),
    "api:workflow_figures": route("workflow", get=VIEWER),
    "api:workflow_figures_csv": route("workflow", get=VIEWER),
    "api:agent_metrics": route("agent", get=VIEWER),
    "api:agent_metrics_csv": route("agent", get=VIEWER),
    "api:agent_runs": route("agent", get=VIEWER),
    "api:tool_usage": route("tool", get=VIEWER),
    "api:tool_usage_csv": route("tool", get=VIEWER),
    "api:workflow_import": route(post=EDITOR),
    "api:workflow_export": route("workflow", get=VIEWER),
    "api:workflow_draft_import": route("workflow", post=EDITOR),
    "api:workflow_versions": route("workflow", get=VIEWER),
    "api:workflow_version": route("version", get=VIEWER),
    "api:workflow_diff": route("workflow", get=VIEWER),
    "api:workflow_text_check": route(post=VIEWER),
    "api:workflow_validate": route("workflow", post=VIEWER),
    "api:workflow_test": route("workflow", post=OPERATOR),
    "api:workflow_publish": route("workflow", post=EDITOR),
    "api:workflow_draft": route("workflow", delete=EDITOR),
    "api:workflow_archive": route("workflow", post=EDITOR, delete=EDITOR),
    "api:workflow_copies": route("workflow", post=EDITOR),
    "api:workflow_restore": route("version", post=EDITOR),
}
PROJECT_ENDPOINTS = {
    "api:auth_token": route(post=PUBLIC),
    "api:auth_refresh": route(post=PUBLIC),
    "api:auth_sign_out": route(post=PUBLIC),
    "api:auth_register": route(post=CLOSED),
    "api:me": route(get=SIGNED_IN, patch=SIGNED_IN),
    "api:my_sessions": route(get=SIGNED_IN, delete=SIGNED_IN),
    "api:schema": route(get=SIGNED_IN),
    "api:activity": route(get=VIEWER),
    "api:overview": route(get=VIEWER),
    "api:search": route(get=VIEWER),
    "api:projects": route(get=SIGNED_IN, post=SUPERUSER),
    "api:project": route("project", get=VIEWER, patch=ADMIN),
    "api:members": route("project", get=VIEWER, post=ADMIN),
    "api:member": route("member of project", get=VIEWER, patch=ADMIN, delete=ADMIN),
    "api:invitations": route("project", get=ADMIN, post=ADMIN),
    "api:invitation": route("invitation of project", delete=ADMIN),
    "api:tokens": route(get=VIEWER, post=VIEWER),
    # Of a shared view; their own everybody changes.
    "api:views": route(get=VIEWER, post=VIEWER),
    "api:view": route("view", get=VIEWER, patch=EDITOR, delete=EDITOR),
    # Of somebody else; their own everybody reads and revokes.
    "api:token": route("token", get=ADMIN, delete=ADMIN),
    "api:secrets": route(get=VIEWER, post=ADMIN),
    "api:secret": route("secret name", delete=ADMIN),
}

ROUTES: dict[str, Route] = {
    **ENTRANCE,
    **RUN_PAGES,
    **WORKFLOW_PAGES,
    **catalogue_pages("", "agent"),
    **catalogue_pages("tool_", "tool"),
    **catalogue_pages("instance_", "instance"),
    **PROJECT_PAGES,
    **OPERATIONS,
    **RUN_ENDPOINTS,
    **WORKFLOW_ENDPOINTS,
    **catalogue_endpoints("agents", "agent"),
    **catalogue_endpoints("tools", "tool"),
    "api:tool_limits": route("tool", get=VIEWER),
    "api:agent_deploy": route("agent", post=EDITOR),
    "api:agent_deployments": route("agent", get=VIEWER),
    "api:agent_scale": route("agent", get=VIEWER, post=OPERATOR),
    **catalogue_endpoints("instances", "instance"),
    **PROJECT_ENDPOINTS,
}

# Pages that come with a library and walls of its own: the sign-in for everybody, the rest of it for the signed-in,
# and the Django admin for staff. They are held to that by prefix, not one by one.
SIGN_IN_PAGES = frozenset(
    {
        *("account_login", "account_logout", "account_signup", "account_inactive", "account_confirm_login_code"),
        *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
        *("account_reset_password_from_key_done", "account_email_verification_sent"),
        "mfa_authenticate",
    }
)
ACCOUNT_PREFIXES = ("account_", "mfa_", "usersessions_")
STAFF_PREFIX = "admin:"
# The answer to an unknown path under /api/.
UNNAMED = frozenset({"api/^.*$", "api/v1/^jobs(?P<rest>/.*)?$"})
