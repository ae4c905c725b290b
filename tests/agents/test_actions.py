from __future__ import annotations

import base64
import socket
import threading
import time

import pytest
from django.db import connection

from agents import actions
from agents.catalogue.dependents import Dependent
from agents.models import Agent, Instance, Revision, Slot, Tool
from controlplane.domain.errors import ActionRefused, Conflict, InvalidInput, NotAllowed
from controlplane.events.models import Event
from controlplane.portal import registry
from controlplane.projects.actions import delete_secret, set_secret
from controlplane.projects.models import Secret
from controlplane.projects.secrets import encryption
from tests.agents.catalogue import HTTP_CONFIG, LLM_CONFIG, make_agent, make_instance, make_tool, sqlite_file

pytestmark = pytest.mark.django_db


USED: set[tuple[str, str]] = set()


def find_dependents(kind: str, project_id: int, name: str) -> list[Dependent]:
    """As an app above declares it."""
    return [Dependent("workflow", "nightly", "workflows:detail", 7)] if (kind, name) in USED else []


@pytest.fixture
def used_by_workflow(monkeypatch):
    """Something above that says the workflow nightly uses whatever is called `name`."""
    path = f"{__name__}.{find_dependents.__name__}"
    monkeypatch.setitem(registry.dependents, path, path)
    yield lambda kind, name: USED.add((kind, name))
    USED.clear()


def types() -> list[str]:
    return list(Event.objects.order_by("id").values_list("type", flat=True))


# Saving


def test_a_new_tool_has_version_one_and_its_revision(world):
    tool = make_tool(world, description="Lists items", tags=["web"], cost_usd="0.0100")
    revision = Revision.objects.get(tool=tool)
    assert (tool.version_no, revision.number, revision.created_by) == (1, 1, "erin")
    assert revision.snapshot["config"] == HTTP_CONFIG
    assert revision.snapshot["cost_usd"] == "0.010000"
    assert types() == ["tool.created"]


def test_each_save_keeps_what_was_before(world):
    tool = make_tool(world)
    actions.update_tool(tool, config={**HTTP_CONFIG, "method": "POST"}, by=world.actor("erin"))
    methods = list(tool.revisions.order_by("number").values_list("snapshot__config__method", flat=True))
    assert methods == ["GET", "POST"]
    tool.refresh_from_db()
    assert (tool.version_no, tool.updated_by) == (2, "erin")


def test_a_second_editor_is_told_who_was_faster(world):
    tool = make_tool(world)
    actions.update_tool(tool, description="from alice", version_no=1, by=world.actor("alice"))
    with pytest.raises(Conflict, match="alice saved version 2") as caught:
        actions.update_tool(tool, description="from erin", version_no=1, by=world.actor("erin"))
    assert caught.value.code == "edited_meanwhile"
    tool.refresh_from_db()
    assert tool.description == "from alice"


def test_a_name_is_taken_once_in_a_project_and_free_in_another(world):
    make_tool(world)
    with pytest.raises(Conflict) as caught:
        make_tool(world)
    assert caught.value.errors[0].field == "name"
    assert make_tool(world, by="mallory").pk


def test_the_kind_cannot_change(world):
    agent = make_agent(world)
    with pytest.raises(InvalidInput, match="kind cannot change"):
        actions.update_agent(agent, kind="http", config=HTTP_CONFIG, by=world.actor("erin"))


@pytest.mark.parametrize("name", ["bob", "vera", "anna", "mallory"])
def test_only_editors_of_the_project_change_tools(world, name):
    tool = make_tool(world)
    by = world.actor(name)
    for attempt in (
        lambda: actions.create_tool(world.acme, name="x", kind="http", config=HTTP_CONFIG, by=by),
        lambda: actions.update_tool(tool, description="mine", by=by),
        lambda: actions.delete_tool(tool, by=by),
        lambda: actions.disable(tool, by=by),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert Tool.objects.count() == 1
    assert types() == ["tool.created"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "No Spaces"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"kind": "magic"}, "kind"),
        ({"surprise": 1}, "surprise"),
        ({"description": 5}, "description"),
        ({"description": "nul\x00"}, "description"),
        ({"tags": "web"}, "tags"),
        ({"tags": [1]}, "tags[0]"),
        ({"enabled": "maybe"}, "enabled"),
        ({"max_concurrent": 0}, "max_concurrent"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 10**20}, "timeout_seconds"),
        ({"cost_usd": "-1"}, "cost_usd"),
        ({"cost_usd": "NaN"}, "cost_usd"),
        ({"cost_usd": "0.0000001"}, "cost_usd"),
        ({"input_schema": {"type": "nonsense"}}, "input_schema.type"),
        ({"input_schema": []}, "input_schema"),
        ({"output_schema": {"properties": {"a": {"$ref": "http://x/y"}}}}, "output_schema.properties.a.$ref"),
        ({"config": []}, "config"),
        ({"config": {}}, "config.url"),
        ({"config": {"url": "https://x.example", "methd": "GET"}}, "config.methd"),
        ({"config": {"url": "https://x.example", "method": "BREW"}}, "config.method"),
        ({"config": {"url": "ftp://x.example"}}, "config.url"),
        ({"config": {"url": "https:///path"}}, "config.url"),
        ({"config": {"url": "https://[::1"}}, "config.url"),
        ({"config": {"url": "https://u:p@x.example"}}, "config.url"),
        ({"config": {"url": "https://{host}/x"}}, "config.url"),
        ({"config": {"url": "https://x.example/${{ secrets.NOPE }}"}}, "config.url"),
        ({"config": {"url": "https://x.example/${{ params.a }}"}}, "config.url"),
        ({"config": {"url": "https://x.example", "headers": {"X": "${{ secrets.NOPE }}"}}}, "config.headers.X"),
        ({"config": {"url": "https://x.example", "headers": {"X": "a\nb"}}}, "config.headers.X"),
        ({"config": {"url": "https://x.example", "headers": {"Host": "y"}}}, "config.headers.Host"),
        (
            {"config": {"url": "https://x.example", "headers": {"Authorization": "Bearer abc"}}},
            "config.headers.Authorization",
        ),
        ({"kind": "function", "config": {"function": "text-embd"}}, "config.function"),
        ({"kind": "sql", "config": {"instance": "nowhere", "sql": "SELECT 1"}}, "config.instance"),
        ({"kind": "sql", "config": {"instance": "nowhere", "sql": "SELECT 1", "max_rows": 0}}, "config.max_rows"),
    ],
)
def test_it_refuses_a_tool_naming_the_field(world, values, field):
    with pytest.raises(InvalidInput) as caught:
        make_tool(world, **values)
    assert field in [error.field for error in caught.value.errors]
    assert not Tool.objects.exists()


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"model": ""}, "config.model"),
        ({"base_url": "models"}, "config.base_url"),
        ({"api_key": "sk-live-123"}, "config.api_key"),
        ({"api_key": "${{ secrets.NOPE }}"}, "config.api_key"),
        ({"instructions": "The key is ${{ secrets.KEY }}"}, "config.instructions"),
        ({"tools": ["nothing"]}, "config.tools[0]"),
        ({"max_steps": 0}, "config.max_steps"),
        ({"max_cost_usd": 0}, "config.max_cost_usd"),
        ({"temperature": 9}, "config.temperature"),
        ({"output_schema": {"type": "array"}}, "config.output_schema.type"),
    ],
)
def test_it_refuses_a_model_naming_the_field(world, config, field):
    set_secret(world.acme, name="KEY", value="hidden-value", by=world.actor("alice"))
    with pytest.raises(InvalidInput) as caught:
        make_agent(world, config={**LLM_CONFIG, **config})
    assert field in [error.field for error in caught.value.errors]


def test_a_secret_of_another_project_is_unknown(world):
    set_secret(world.globex, name="KEY", value="hidden-value", by=world.actor("mallory"))
    with pytest.raises(InvalidInput, match="no secret KEY"):
        make_agent(world, config={**LLM_CONFIG, "api_key": "${{ secrets.KEY }}"})


# Slots


def test_the_slot_follows_the_limit(world):
    tool = make_tool(world, max_concurrent=3)
    assert Slot.objects.get(key=f"tool:{tool.pk}").capacity == 3
    tool = actions.update_tool(tool, max_concurrent=5, by=world.actor("erin"))
    assert Slot.objects.get(key=f"tool:{tool.pk}").capacity == 5
    tool = actions.update_tool(tool, max_concurrent=None, by=world.actor("erin"))
    assert not Slot.objects.exists()


def test_replicas_that_changed_meanwhile_are_looked_at_as_they_are_now(world):
    """Who opened the agent before it was scaled may not go beyond its limits."""
    opened = make_agent(world, max_concurrent=2)
    actions.scale_agent(opened, least=4, most=6, desired=5, by=world.actor("bob"))
    with pytest.raises(InvalidInput, match="between 4 and 6"):
        actions.update_agent(opened, max_concurrent=2, by=world.actor("erin"))
    assert actions.update_agent(opened, description="x", by=world.actor("erin")).max_concurrent == 5


def test_a_deleted_agent_leaves_no_slot(world):
    agent = make_agent(world, max_concurrent=1)
    actions.delete_agent(agent, by=world.actor("alice"))
    assert not Slot.objects.exists()
    assert not Agent.objects.exists()


# Deleting and renaming


def test_a_tool_in_use_by_an_agent_is_not_deleted(world):
    tool = make_tool(world)
    agent = make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    with pytest.raises(Conflict, match="agent triager") as caught:
        actions.delete_tool(tool, by=world.actor("alice"))
    assert caught.value.extra["dependents"] == [{"kind": "agent", "id": agent.pk, "name": "triager"}]
    assert Tool.objects.exists()


def test_a_tool_that_only_a_deployed_version_uses_is_not_deleted(world):
    """The newest version has let go of it; production has not."""
    erin, tool = world.actor("erin"), make_tool(world)
    agent = make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    actions.deploy_agent(agent, environment="production", revision=agent.revisions.get(), by=erin)
    agent = actions.update_agent(agent, config=LLM_CONFIG, by=erin)
    with pytest.raises(Conflict, match="agent triager"):
        actions.delete_tool(tool, by=world.actor("alice"))
    actions.deploy_agent(agent, environment="production", revision=agent.revisions.get(number=2), by=erin)
    actions.delete_tool(tool, by=world.actor("alice"))
    assert not Tool.objects.exists()


def test_what_apps_above_know_counts_too(world, used_by_workflow):
    agent = make_agent(world)
    used_by_workflow("agent", "triager")
    with pytest.raises(Conflict, match="workflow nightly"):
        actions.delete_agent(agent, by=world.actor("alice"))
    with pytest.raises(Conflict, match="cannot be renamed"):
        actions.update_agent(agent, name="other", by=world.actor("erin"))
    assert actions.update_agent(agent, description="fine", by=world.actor("erin")).version_no == 2


def test_a_tool_of_the_same_name_elsewhere_does_not_count(world):
    theirs = make_tool(world, by="mallory")
    make_tool(world)
    make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    actions.delete_tool(theirs, by=world.actor("mallory"))
    assert Tool.objects.get().project == world.acme


def test_a_deleted_tool_cannot_be_saved(world):
    tool = make_tool(world)
    actions.delete_tool(Tool.objects.get(pk=tool.pk), by=world.actor("alice"))
    with pytest.raises(Conflict, match="deleted in the meantime"):
        actions.update_tool(tool, description="ghost", by=world.actor("erin"))


# Switching


def test_switching_twice_is_refused(world):
    tool = make_tool(world)
    actions.disable(tool, by=world.actor("erin"))
    with pytest.raises(ActionRefused, match="disabled already"):
        actions.disable(Tool.objects.get(pk=tool.pk), by=world.actor("erin"))
    actions.enable(tool, by=world.actor("erin"))
    with pytest.raises(ActionRefused, match="enabled already"):
        actions.enable(tool, by=world.actor("erin"))
    assert types() == ["tool.created", "tool.disabled", "tool.enabled"]


# Instances


def test_an_instance_keeps_its_url_sealed(world, tmp_path):
    instance = make_instance(world, tmp_path)
    assert str(tmp_path) not in instance.sealed_url
    assert instance.is_healthy
    assert instance.check_report["tables"] == ["orders"]
    assert instance.address == str(sqlite_file(tmp_path))


def test_an_empty_url_keeps_the_stored_one_even_under_a_new_name(world, tmp_path):
    instance = make_instance(world, tmp_path)
    renamed = actions.update_instance(instance, name="shop", timeout_seconds=5, by=world.actor("erin"))
    assert (renamed.name, renamed.version_no, renamed.timeout_seconds) == ("shop", 2, 5)
    assert actions.try_instance(renamed, by=world.actor("bob"))["ok"]


def test_a_sealed_url_does_not_open_in_another_place(world, tmp_path):
    instance = make_instance(world, tmp_path)
    Instance.objects.filter(pk=instance.pk).update(name="elsewhere")
    report = actions.try_instance(Instance.objects.get(pk=instance.pk), by=world.actor("bob"))
    assert not report["ok"]
    assert not Instance.objects.get(pk=instance.pk).is_healthy


def test_a_second_editor_of_an_instance_is_told(world, tmp_path):
    instance = make_instance(world, tmp_path)
    actions.update_instance(instance, description="a", version_no=1, by=world.actor("alice"))
    with pytest.raises(Conflict, match="alice saved version 2"):
        actions.update_instance(instance, description="b", version_no=1, by=world.actor("erin"))


def test_an_instance_in_use_by_a_tool_is_neither_deleted_nor_renamed(world, tmp_path):
    instance = make_instance(world, tmp_path)
    make_tool(world, "totals", kind="sql", config={"instance": "sales", "sql": "SELECT 1"})
    with pytest.raises(Conflict, match="tool totals"):
        actions.delete_instance(instance, by=world.actor("alice"))
    with pytest.raises(Conflict, match="tool totals"):
        actions.update_instance(instance, name="other", by=world.actor("erin"))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"engine": "oracle"}, "engine"),
        ({"url": "/nowhere/at/all.sqlite"}, "url"),
        ({"url": ""}, "url"),
        ({"engine": "postgres", "url": "postgresql://u:pass-word@127.0.0.1:1/db"}, "url"),
        ({"engine": "postgres", "url": "postgresql://u:${{ secrets.NOPE }}@127.0.0.1/db"}, "url"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_it_refuses_an_instance_naming_the_field(world, tmp_path, values, field):
    with pytest.raises(InvalidInput) as caught:
        make_instance(world, tmp_path, **values)
    assert field in [error.field for error in caught.value.errors]
    assert "pass-word" not in str(caught.value.as_problem())
    assert not Instance.objects.exists()


def test_a_server_that_never_answers_is_given_up_within_seconds(world, tmp_path, settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
        url = f"postgresql://reader:pass-word@127.0.0.1:{silent.getsockname()[1]}/db"
        started = time.monotonic()
        with pytest.raises(InvalidInput) as caught:
            make_instance(world, tmp_path, engine="postgres", url=url)
    assert caught.value.errors[0].field == "url"
    assert "cannot be reached" in caught.value.detail
    assert "pass-word" not in caught.value.detail
    assert time.monotonic() - started < 10


def test_sealing_anew_reaches_every_instance(world, tmp_path, settings):
    instance = make_instance(world, tmp_path)
    old = settings.SECRETS_KEYS[0]
    settings.SECRETS_KEYS = ["new:" + "A" * 43 + "=", old]
    assert actions.rotate_instance_urls() == 1
    assert actions.rotate_instance_urls() == 0
    instance.refresh_from_db()
    assert encryption.is_current(instance.sealed_url)
    settings.SECRETS_KEYS = settings.SECRETS_KEYS[:1]
    assert actions.try_instance(instance, by=world.actor("bob"))["ok"]


def test_a_secret_in_the_url_is_filled_in_when_it_is_used(world, tmp_path):
    set_secret(world.acme, name="FOLDER", value=str(tmp_path), by=world.actor("alice"))
    sqlite_file(tmp_path)
    instance = make_instance(world, tmp_path, url="${{ secrets.FOLDER }}/sales.sqlite")
    assert str(tmp_path) not in instance.address
    delete_secret(Secret.objects.get(), by=world.actor("alice"))
    assert "no secret FOLDER" in actions.try_instance(instance, by=world.actor("bob"))["problems"][0]


# Races


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_of_one_version_exactly_one_wins(world):
    tool = make_tool(world)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def edit(text: str) -> None:
        try:
            start.wait(10)
            actions.update_tool(tool, description=text, version_no=1, by=world.actor("erin"))
            outcomes.append("saved")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=(text,)) for text in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["refused", "saved"]
    assert list(tool.revisions.values_list("number", flat=True)) == [2, 1]


def test_saving_an_instance_keeps_what_happened_while_it_was_open(world, tmp_path):
    opened = make_instance(world, tmp_path)
    actions.disable(Instance.objects.get(), by=world.actor("erin"))
    actions.try_instance(Instance.objects.get(), by=world.actor("bob"))
    tested = Instance.objects.get().checked_at
    saved = actions.update_instance(opened, description="x", by=world.actor("erin"))
    saved.refresh_from_db()
    assert (saved.enabled, saved.checked_at, saved.description, saved.version_no) == (False, tested, "x", 2)


def test_renaming_an_instance_whose_connection_no_key_opens_asks_for_it_again(world, tmp_path, settings):
    instance = make_instance(world, tmp_path)
    settings.SECRETS_KEYS = [f"other:{base64.urlsafe_b64encode(bytes(32)).decode()}"]
    with pytest.raises(InvalidInput, match="Give the connection again"):
        actions.update_instance(instance, name="other", by=world.actor("erin"))
    url = str(sqlite_file(tmp_path))
    assert actions.update_instance(instance, name="other", url=url, by=world.actor("erin")).name == "other"
