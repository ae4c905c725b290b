"""Nouns behind numbers: one of them is called so wherever a list speaks of its rows."""

from __future__ import annotations

import pytest

from controlplane.domain.words import counted
from controlplane.operations.models import Operation
from controlplane.portal.registry import lists
from tests.agents.catalogue import make_tool

NOUNS = [
    ("runs", "run"), ("policies", "policy"), ("batches", "batch"), ("searches", "search"), ("caches", "cache"),
    ("databases", "database"), ("boxes", "box"), ("addresses", "address"), ("pushes", "push"),
    ("saved views", "saved view"),
]  # fmt: skip


@pytest.mark.parametrize(("plural", "one"), NOUNS)
def test_one_of_them_has_a_name_of_its_own(plural, one):
    assert counted(1, plural) == f"1 {one}"
    assert [counted(number, plural) for number in (0, 2, 1234)] == [f"0 {plural}", f"2 {plural}", f"1,234 {plural}"]


def test_what_no_rule_makes_is_said():
    assert [counted(number, "people", "person") for number in (1, 2)] == ["1 person", "2 people"]


@pytest.fixture(params=[("policies", "policy"), ("statuses", "status")], ids=["by the rule", "by the list"])
def nouns(request, monkeypatch) -> tuple[str, str]:
    plural, one = request.param
    monkeypatch.setitem(lists, plural, f"tests.listing.policies.{plural.upper()}")
    return plural, one


@pytest.mark.urls("tests.listing.policies")
@pytest.mark.django_db(transaction=True)
def test_page_preview_and_operation_of_one_row_speak_of_one(world, nouns):
    plural, one = nouns
    client, tools, page = world.client("erin"), [make_tool(world, name) for name in ("a", "b")], f"/p/acme/{plural}/"
    assert f"2 {plural}<" in client.get(page).content.decode()
    assert f"1 {one}<" in client.get(f"{page}?q={tools[0].pk}").content.decode()
    for chosen, words in ((tools, f"2 {plural}"), (tools[:1], f"1 {one}")):
        asked = client.post(page, {"preview": "disable", "selected": [tool.pk for tool in chosen]}).content.decode()
        assert f"Disable {words}?" in asked
        operation = Operation.objects.latest("pk")
        client.post(page, {"operation": operation.pk})
        assert f"Disable {words}<" in client.get(f"/p/acme/operations/{operation.pk}/").content.decode()
        for tool in tools:
            type(tool).objects.filter(pk=tool.pk).update(enabled=True)
