"""Every module has its room and its floor: the tree of docs/architecture.md is the tree there is, and calls go down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

import grimp
import pytest
from django.apps import apps

from controlplane.embedded.folders import REPOSITORY
from tests.architecture.sources import PACKAGES, product_modules

# What has no pages is one topic by itself.
WITHOUT_TOPICS = {"domain", "outbound", "ui", "embedded", "portal"}
# Apps with topics, those inside the folder of another among them: `runs.batches` is one of its own, above `runs`.
APPS = sorted(
    config.name for config in apps.get_app_configs()
    if config.name.split(".")[0] in PACKAGES and config.name.rpartition(".")[2] not in WITHOUT_TOPICS
)  # fmt: skip
CONTENTS, EDGES, SHOWING, INPUT, VERBS, RULES, FACTS = range(7, 0, -1)
# By file name, at an app's top and in its topics alike. Any other name in a topic is its own, and holds rules.
FLOORS = {
    **dict.fromkeys(("apps", "urls", "api_urls", "entry_urls", "portal", "management"), CONTENTS),
    **dict.fromkeys(("page", "api", "views", "admin", "tasks"), EDGES),
    **dict.fromkeys(("listing", "display", "search", "metrics"), SHOWING),
    **dict.fromkeys(("columns", "filters", "forms", "serializers"), INPUT),
    "actions": VERBS,
    **dict.fromkeys(("queries", "refusals", "domain"), RULES),
    **dict.fromkeys(("models", "events", "migrations"), FACTS),
}
# A topic's own names that hold no rules; a topic that all of the app stands on.
OWN = {
    "runs.detail.run_page": SHOWING,
    "runs.detail.step_panel": SHOWING,
    "runs.detail.step_graph": SHOWING,
    "runs.export.document": SHOWING,
    "runs.start.start_page": SHOWING,
    "runs.figures.usage_page": SHOWING,
    "runs.figures.workflow_page": SHOWING,
    "agents.catalogue.resources": SHOWING,
    "agents.catalogue.versions": EDGES,
    "agents.trials.asking": VERBS,
    "agents.trials.hands": VERBS,
    "agents.trials.carrying": VERBS,
    "workflows.specification": FACTS,
    "workflows.kinds": FACTS,
    "controlplane.listing.declaration": FACTS,
    "controlplane.listing.reading.counting": FACTS,
    "controlplane.listing.page.display": EDGES,
    "controlplane.projects.secrets": FACTS,
    "controlplane.projects.people.accounts": EDGES,
    "controlplane.projects.people.invitations": EDGES,
    "controlplane.projects.people.profile": EDGES,
    "controlplane.projects.people.sign_in": EDGES,
    "controlplane.projects.tokens.authentication": EDGES,
    "controlplane.projects.tokens.principals": EDGES,
    "controlplane.home.monitoring.health": EDGES,
}
NAMES_AT_THE_TOP = {name for name in FLOORS if name not in ("page", "domain", "listing", "display")}
FOLDERS_OF_DJANGO = {"migrations", "management", "templatetags"}
# What is one idea, and too long for one file; its names are imported from the folder.
FOLDERS_OF_ONE_FILE = {"models", "actions"}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def app_of(module: str) -> str:
    """The nearest around it; empty for what is in none."""
    return max((app for app in APPS if f"{module}.".startswith(f"{app}.")), key=len, default="")


def modules_of(app: str) -> list[str]:
    return sorted(module for module in graph().modules if module != app and app_of(module) == app)


def floor_of(module: str) -> int:
    """That of its own name, or of the nearest room around it that has one."""
    room, _, name = module.rpartition(".")
    if module in OWN:
        return OWN[module]
    if room in OWN:
        return OWN[room]
    around = room.rpartition(".")[2]
    return FLOORS.get(around if around in FOLDERS_OF_DJANGO | FOLDERS_OF_ONE_FILE else name, RULES)


def drawn() -> dict[str, set[str]]:
    """App -> its topics, as docs/architecture.md draws them: `  topic/` below `app/`."""
    tree = re.search(r"```tree\n(.*?)```", (REPOSITORY / "docs/architecture.md").read_text(), re.DOTALL)
    assert tree, "docs/architecture.md draws no tree"
    found: dict[str, set[str]] = {}
    app = ""
    for line in tree[1].splitlines():
        folder = line.split()[0].rstrip("/") if line.strip() else ""
        if line.startswith("  "):
            found[app].add(folder)
        elif folder:
            app = folder.replace("/", ".")
            found[app] = set()
    return found


def topics_of(app: str) -> set[str]:
    folder = REPOSITORY / app.replace(".", "/")
    inside = {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
    inside -= {name for name in inside if f"{app}.{name}" in APPS}
    return inside - FOLDERS_OF_DJANGO - FOLDERS_OF_ONE_FILE


def upwards(app: str) -> Iterator[str]:
    for module in modules_of(app):
        for imported in sorted(graph().find_modules_directly_imported_by(module)):
            around = app_of(imported)
            is_higher = around == app and floor_of(imported) > floor_of(module)
            # An app inside the folder stands above it, and only tables of contents name it.
            is_inside = around.startswith(f"{app}.") and floor_of(module) < CONTENTS
            if is_higher or is_inside:
                yield f"{module} imports {imported}"


@pytest.mark.parametrize("app", APPS)
def test_the_topics_are_those_that_are_drawn(app):
    assert drawn()[app] == topics_of(app)


@pytest.mark.parametrize("app", APPS)
def test_at_an_apps_top_stand_known_names_only(app):
    folder = REPOSITORY / app.replace(".", "/")
    names = {path.stem for path in product_modules() if (REPOSITORY / path).parent == folder}
    assert names - NAMES_AT_THE_TOP - {"__init__"} == set()


@pytest.mark.parametrize("app", APPS)
def test_inside_an_app_calls_go_down(app):
    assert list(upwards(app)) == []


@pytest.mark.parametrize("room", OWN)
def test_names_of_their_own_are_there_and_not_where_they_would_stand_anyway(room):
    assert room in graph().modules
    assert OWN[room] != FLOORS.get(room.rpartition(".")[2], RULES)


def test_a_module_knows_none_that_knows_it():
    """No circle anywhere, also through others. Raises CycleError, which names one."""
    imports = {module: graph().find_modules_directly_imported_by(module) for module in graph().modules}
    assert len(list(TopologicalSorter(imports).static_order())) == len(imports)
