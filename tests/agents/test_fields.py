"""What a tool, an agent or an instance is made of is said once, by its model."""

from __future__ import annotations

import pytest

from agents.catalogue import serializers, shapes
from agents.catalogue.resources import AGENT, INSTANCE, TOOL
from agents.catalogue.saving import NOT_IN_SNAPSHOT, document_of
from agents.models import Agent, Instance, Tool
from controlplane.domain.json_schema import schema_faults

EACH = pytest.mark.parametrize(
    ("resource", "shape", "shown", "body"),
    [
        (TOOL, shapes.TOOL, serializers.ToolSerializer, serializers.ToolBody),
        (AGENT, shapes.AGENT, serializers.AgentSerializer, serializers.AgentBody),
        (INSTANCE, shapes.INSTANCE, serializers.InstanceSerializer, serializers.InstanceBody),
    ],
    ids=lambda one: getattr(one, "word", ""),
)
# Given by the address of the page, by a form of the kind, or by a switch.
NOT_IN_THE_FORM = {"kind", "engine", "config", "enabled"}


@EACH
def test_every_field_that_people_write_is_checked_shown_sent_and_offered(resource, shape, shown, body):
    written = set(resource.model.written())
    assert {"name", "tags", "timeout_seconds"} <= written
    assert schema_faults(shape) == []
    assert set(shape["properties"]) - {"url"} == written == set(document_of(resource.model()))
    assert written <= set(shown().fields)
    assert set(body().fields) == written | {"project", "version_no"} | set(shape["properties"])
    assert written - NOT_IN_THE_FORM == set(resource.form().fields) - {"version_no", "url"}


@EACH
def test_what_must_be_sent_is_the_same_in_the_check_and_in_the_api(resource, shape, shown, body):
    assert {name for name, field in body().fields.items() if field.required} == set(shape["required"])


def test_limits_stand_in_the_check_as_the_model_has_them():
    assert shapes.TOOL["properties"]["burst"] == {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000}
    assert shapes.AGENT["properties"]["timeout_seconds"] == {"type": "integer", "minimum": 1, "maximum": 86_400}
    assert shapes.INSTANCE["properties"]["engine"] == {"enum": ["postgres", "sqlite", "duckdb"]}


def test_what_versions_leave_out_exists():
    assert set(Tool.written()) | set(Agent.written()) | set(Instance.written()) >= NOT_IN_SNAPSHOT
