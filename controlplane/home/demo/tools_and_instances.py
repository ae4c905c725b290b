"""The tools of the demo project, and the databases that its workflows query."""

from __future__ import annotations

from contextlib import closing
from sqlite3 import connect
from typing import Any

from django.conf import settings

from agents.actions import create_instance, create_tool
from agents.builtins.warehouse import prepare, warehouse_path
from agents.models import Engine, Instance, Tool, ToolKind
from controlplane.domain.errors import InvalidInput
from controlplane.home.demo.reader import drop_reader, make_reader
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import Actor

PORTAL_DATABASE, WAREHOUSE = "portal-database", "warehouse"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to call when the server listens everywhere
PACKAGE_COLUMNS = ("name", "version", "summary", "license", "kilobytes", "files", "run")
CHECK_SCHEMA = {
    "type": "object",
    "properties": {"check": {"enum": ["live", "ready"], "description": "Which of the two addresses to ask."}},
    "required": ["check"],
    "additionalProperties": False,
}


def tools() -> list[dict[str, Any]]:
    """What `create_tool` is given."""
    return [
        function_tool("installed-packages", "installed-packages", "Lists the Python packages installed here."),
        function_tool("load-warehouse", "warehouse-load", "Loads rows into a table of the project's SQLite warehouse."),
        function_tool("embed-texts", "text-embed", "Turns texts into vectors by hashing their words, without a model."),
        {
            "name": "portal-health",
            "kind": ToolKind.HTTP,
            "description": "Asks this portal over HTTP whether it is alive and ready, as a load balancer would.",
            "config": {"method": "GET", "url": f"{own_address()}/health/{{check}}"},
            "input_schema": CHECK_SCHEMA,
            "idempotent": True,
            "timeout_seconds": 10,
            "tags": ["demo"],
        },
    ]


def function_tool(name: str, function: str, description: str) -> dict[str, Any]:
    config = {"function": function}
    shared = {"idempotent": True, "timeout_seconds": 120, "tags": ["demo"]}
    return {"name": name, "kind": ToolKind.FUNCTION, "description": description, "config": config, **shared}


def own_address() -> str:
    """Where this portal answers, seen from its own machine."""
    host = EVERYWHERE.get(settings.HOST, settings.HOST)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"


def create_tools(project: Project, by: Actor) -> None:
    known = set(Tool.objects.filter(project=project).values_list("name", flat=True))
    for values in tools():
        if values["name"] not in known:
            create_tool(project, by=by, **values)


def create_instances(project: Project, by: Actor) -> None:
    """The warehouse, and the portal's own database where a role for reading can be made."""
    known = set(Instance.objects.filter(project=project).values_list("name", flat=True))
    if WAREHOUSE not in known:
        create_warehouse(project, by)
    if PORTAL_DATABASE not in known:
        create_portal_database(project, by)


def create_warehouse(project: Project, by: Actor) -> None:
    path = warehouse_path(project.pk, WAREHOUSE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(connect(path)) as database:
        prepare(database, "packages", PACKAGE_COLUMNS, ["name"])
    create_instance(
        project,
        name=WAREHOUSE,
        engine=Engine.SQLITE,
        url=str(path),
        description="The SQLite file that software-inventory loads. Its tables are packages and package_vectors.",
        tags=["demo"],
        by=by,
    )


def create_portal_database(project: Project, by: Actor) -> None:
    url = make_reader()
    if url is None:
        return
    try:
        create_instance(
            project,
            name=PORTAL_DATABASE,
            engine=Engine.POSTGRES,
            url=url,
            description="The portal's own PostgreSQL, through a role that sees figures of its health and nothing else.",
            tags=["demo"],
            by=by,
        )
    except InvalidInput:
        drop_reader()
