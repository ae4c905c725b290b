"""Calls go down, events go up: in imports, and in foreign keys, which imports do not show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db.models import Field, Model

from tests.architecture.sources import PACKAGES, ROOT

# From the top down; those of one line know nothing of each other.
LAYERS = (
    {"controlplane.home"},
    {"runs"},
    {"workflows"},
    {"agents"},
    {"controlplane.listing"},
    {"controlplane.operations"},
    {"controlplane.events"},
    {"controlplane.projects"},
    {"controlplane.ui", "controlplane.outbound"},
    {"controlplane.portal"},
    {"controlplane.domain"},
)
# Stands beside the wiring and has no models.
ASIDE = {"controlplane.embedded"}
OURS = [config for config in apps.get_app_configs() if config.name.split(".")[0] in PACKAGES]


def relations() -> Iterator[tuple[type[Model], Field]]:
    for config in OURS:
        for model in config.get_models():
            for field in model._meta.get_fields():
                if isinstance(field, Field) and field.is_relation and field.related_model:
                    yield model, field


def floor_of(app: str) -> tuple[int, int]:
    """How deep it lies. An app inside the folder of another stands on its layer, and above that other one."""
    around = next(
        (number, name) for number, names in enumerate(LAYERS) for name in names if f"{app}.".startswith(f"{name}.")
    )
    return around[0], -app.count(".") + around[1].count(".")


def layer_of(model: type[Model]) -> tuple[int, int]:
    return floor_of(apps.get_app_config(model._meta.app_label).name)


RELATIONS = list(relations())


def is_ours(model: type[Model]) -> bool:
    return model._meta.app_config in OURS


def test_imports_keep_their_contracts():
    """In a process of its own, where no test before it has imported or replaced anything."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    said = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_app_of_ours_has_its_layer():
    assert all(floor_of(config.name) for config in OURS if config.name not in ASIDE)


def test_an_app_inside_the_folder_of_another_stands_right_above_it():
    assert floor_of("controlplane.home") < floor_of("runs.batches") < floor_of("runs") < floor_of("workflows")


def test_the_walk_finds_the_foreign_keys():
    assert ("Run", "workflow") in {(model.__name__, field.name) for model, field in RELATIONS}


@pytest.mark.parametrize(("model", "field"), RELATIONS, ids=lambda one: getattr(one, "__name__", None) or one.name)
def test_no_foreign_key_points_up(model, field):
    if is_ours(field.related_model):
        assert layer_of(field.related_model) >= layer_of(model)
