"""What the editor offers comes from what the server knows: kinds, keys, names of the project."""

from __future__ import annotations

import pytest

from tests.agents.catalogue import make_instance, make_tool
from workflows.editing.completion import words_for
from workflows.kinds import KINDS
from workflows.specification.language import StaticCatalogue

pytestmark = pytest.mark.django_db
URL = "/p/acme/workflows/words"


def test_it_offers_every_kind_that_can_be_used():
    catalogue = StaticCatalogue({kind.target.noun: {"x": None} for kind in KINDS.values() if kind.target})
    labels = [word["label"] for word in words_for(catalogue)["uses"]]
    assert {label.partition(":")[0] for label in labels} == {
        kind.name for kind in KINDS.values() if not kind.unavailable
    }
    assert {"agent", "agent:x", "tool:x", "noop"} <= set(labels)
    assert not {"tool", "noop:x", "query:x"} & set(labels)


def test_keys_are_those_of_the_language_and_of_each_kind():
    keys = words_for(StaticCatalogue())["keys"]
    assert "outputs" in keys[""]
    assert "needs" in keys["step"]
    assert keys["query"] == ["instance", "sql", "params", "max_rows"]
    assert keys["retry"] == ["max_attempts", "backoff_seconds", "factor", "max_seconds"]


def test_names_are_those_of_the_project(world, tmp_path, settings):
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
    make_tool(world, "call")
    make_instance(world, tmp_path)
    words = world.client("vera").get(URL).json()
    assert {"label": "tool:call", "detail": "Tool", "info": "Calls a tool once."} in words["uses"]
    assert words["values"] == {"instance": ["sales"]}
    assert world.client("mallory").get(URL).status_code == 404


def test_the_api_s_document_tells_what_a_step_may_use(world):
    document = world.client("vera").get("/api/v1/schema", HTTP_ACCEPT="application/json").content.decode()
    for form in ("agent:NAME", "agent", "query", "tool:NAME", "workflow:NAME"):
        assert f" {form}," in document or f" {form}." in document
    assert "approval," not in document
