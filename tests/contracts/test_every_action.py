"""Every action, in every state, for everybody: its button is on the page exactly when the call succeeds.

The actions come from their registry, the states from tests/contracts/every_state.py; only where the button and the call
are is said here. What is asked for on a page of its own, and may be refused because of what is typed, stands in FORMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import controlplane.urls  # noqa: F401 -- which loads every action there is
from controlplane.domain.action import known_actions
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.declaration.registry import find_listing
from tests.contracts import every_state
from tests.undoing import undone
from tests.world import ROLES, World

OURS = ("agents.", "controlplane.", "runs.", "workflows.")
# A module of verbs may be a folder: agents/actions/writing.py.
HOMES = {one: re.sub(r"\.actions\.\w+$", ".actions", one.body.__module__) for one in known_actions()}
ACTIONS = {f"{home}.{one.name}": one for one, home in HOMES.items() if home.startswith(OURS)}


@dataclass(frozen=True)
class Offer:
    """What the page holds when it offers the action, and the call: (method, address, body)."""

    action: str
    button: Callable[[Any], str]
    call: Callable[[Any], tuple[str, str, dict[str, Any]]]


@dataclass(frozen=True)
class Place:
    """A page, or a part of one, with the actions that it offers for a row in every state."""

    name: str
    states: Callable[[World], every_state.States]
    page: Callable[[Any], str]
    offers: tuple[Offer, ...]

    def __str__(self) -> str:
        return self.name


def at(where: str, row: Any, **given: Any) -> str:
    """An address of the project's pages."""
    return reverse(where, kwargs={"project": "acme", "pk": row.pk, **given})


def api(method: str, where: str, row: Any, body: dict[str, Any] | None = None, **given: Any) -> tuple[str, str, Any]:
    return method, reverse(f"api:{where}", kwargs={"pk": row.pk, **given}), body or {}


def form(address: str) -> str:
    return f'action="{address}"'


def link(address: str) -> str:
    return f'href="{address}"'


def posts(action: str, address: Callable[[Any], str]) -> Offer:
    """A button and its own address, which answers as the action does."""
    return Offer(action, lambda row: form(address(row)), lambda row: ("post", address(row), {}))


def of_run(verb: str, button: Callable[[Any], str], call: str, body: dict[str, Any] | None = None) -> Offer:
    return Offer(f"runs.actions.{verb}", button, lambda run: api("post", call, run, body))


def of_workflow(verb: str, button: Callable[[Any], str], method: str, call: str, **body: str) -> Offer:
    return Offer(f"workflows.actions.{verb}", button, lambda one: api(method, call, one, body))


def archive(workflow: Any) -> str:
    return form(at("workflows:archive", workflow))


def members_page(row: Any) -> str:
    return reverse("projects:members", args=["acme"])


def list_page(view: Any) -> str:
    return f"{reverse('runs:list', args=['acme'])}?view={view.slug}"


def of_entries(prefix: str) -> tuple[Offer, ...]:
    return (
        posts("agents.actions.enable", lambda row: at(f"agents:{prefix}enable", row)),
        posts("agents.actions.disable", lambda row: at(f"agents:{prefix}disable", row)),
        posts("agents.actions.start_probing", lambda row: f"{at(f'agents:{prefix}health', row)}?watch=1"),
        posts("agents.actions.stop_probing", lambda row: f"{at(f'agents:{prefix}health', row)}?watch=0"),
    )


def of_people(verb: str, button: str, call: str = "") -> tuple[Offer, ...]:
    """With `call`, an endpoint below the project; without, the button's own address."""
    action = f"controlplane.projects.actions.{verb}"
    offer = posts(action, lambda row: at(f"projects:{button}", row))
    return (Offer(action, offer.button, lambda row: api("delete", call, row, project="acme")) if call else offer,)


def of_view(verb: str, body: dict[str, Any] | None) -> Offer:
    action, button = f"controlplane.listing.actions.{verb}", f'name="view_verb" value="{verb}"'
    return Offer(action, lambda view: button, lambda view: api("patch" if body else "delete", "view", view, body))


DRAFT = {"specification": every_state.TEXT}
DELETES = '<button class="btn btn-danger" type="submit">'
PLACES = [
    Place("run", every_state.runs, lambda run: at("runs:part", run, name="summary"), (
        of_run("pause_run", lambda run: form(at("runs:control", run, verb="pause")), "run_pause"),
        of_run("resume_run", lambda run: form(at("runs:control", run, verb="resumption")), "run_resume"),
        of_run("cancel_run", lambda run: form(at("runs:control", run, verb="cancellation")), "run_cancel"),
        of_run("retry_run", lambda run: form(at("runs:retry", run)), "run_retry"),
        of_run("replay_run", lambda run: link(at("runs:replay", run)), "run_replay", {"step": "only"}),
    )),
    Place("overview", every_state.failures, lambda run: reverse("home:part", args=["acme", "failures"]), (
        of_run("retry_run", lambda run: form(at("runs:retry", run)), "run_retry"),
    )),
    Place("step", every_state.steps, lambda step: at("runs:step", step.run, step_pk=step.pk), (
        Offer(
            "runs.actions.resolve_step",
            lambda step: form(at("runs:review", step.run, step_pk=step.pk)),
            lambda step: api("post", "step_review", step.run, {"outcome": "failed"}, step_pk=step.pk),
        ),
        Offer(
            "runs.actions.send_signal",
            lambda step: form(at("runs:signal", step.run, step_pk=step.pk)),
            lambda step: api("post", "step_signal", step.run, {"output": 1}, step_pk=step.pk),
        ),
    )),
    Place("workflow", every_state.workflows, lambda one: at("workflows:detail", one), (
        of_workflow("archive_workflow", archive, "post", "workflow_archive"),
        of_workflow("unarchive_workflow", lambda one: at("workflows:unarchive", one), "delete", "workflow_archive"),
        of_workflow("discard_draft", lambda one: at("workflows:discard", one), "delete", "workflow_draft"),
        of_workflow("release_draft", lambda one: link(at("workflows:release", one)), "post", "workflow_publish"),
        of_workflow("save_draft", lambda one: link(at("workflows:edit", one)), "patch", "workflow", **DRAFT),
        Offer(
            "runs.actions.start_run",
            lambda one: link(f"{reverse('runs:new', args=['acme'])}?workflow={one.pk}"),
            lambda one: ("post", reverse("api:runs"), {"workflow": str(one.pk)}),
        ),
    )),
    Place("deletion of a workflow", every_state.workflows, lambda one: at("workflows:delete", one), (
        of_workflow("archive_workflow", archive, "post", "workflow_archive"),
        of_workflow("delete_workflow", lambda one: DELETES, "delete", "workflow"),
    )),
    Place("version", every_state.versions, lambda one: at("workflows:version", one.workflow, number=one.number), (
        Offer(
            "workflows.actions.restore_version",
            lambda one: form(at("workflows:restore", one.workflow, number=one.number)),
            lambda one: api("post", "workflow_restore", one.workflow, number=one.number),
        ),
    )),
    Place("tool", every_state.tools, lambda row: at("agents:tool_detail", row), of_entries("tool_")),
    Place("agent", every_state.agents, lambda row: at("agents:detail", row), (
        *of_entries(""),
        Offer(
            "agents.actions.roll_back_agent",
            lambda row: 'name="roll_back"',
            lambda row: ("post", at("agents:deploy", row), {"environment": "dev", "roll_back": "1"}),
        ),
    )),
    Place("operation", every_state.operations, lambda one: at("operations:detail", one), tuple(
        posts(f"controlplane.operations.actions.{verb}_operation", lambda one, verb=verb: at(f"operations:{verb}", one))
        for verb in ("cancel", "undo")
    )),
    Place("invitation", every_state.invitations, members_page,
          of_people("revoke_invitation", "invitation_revocation", "invitation")),
    Place("member", every_state.members, members_page,
          of_people("remove_member", "member_removal", "member")),
    Place("one of two administrators", every_state.administrators, members_page,
          of_people("remove_member", "member_removal", "member")),
    Place("token", every_state.tokens, lambda row: reverse("projects:tokens", args=["acme"]),
          of_people("revoke_token", "token_revocation")),
    Place("secret", every_state.secrets, lambda row: reverse("projects:secrets", args=["acme"]),
          of_people("delete_secret", "secret_deletion")),
    Place("view", every_state.views, list_page, (
        of_view("share_view", {"is_shared": True}),
        of_view("make_default", {"is_default": True}),
        of_view("delete_view", None),
    )),
    Place("shared view", every_state.shared_views, list_page, (
        of_view("unshare_view", {"is_shared": False}),
        of_view("delete_view", None),
    )),
]  # fmt: skip
ENTRIES = ("tool", "agent", "instance")
# Asked for on a page of its own, whose form says what is wrong with what is typed; test_permission_matrix.py holds
# those to their roles.
FORMS = {
    *(
        f"agents.actions.{verb}_{what}"
        for verb in ("create", "update", "delete")
        for what in ("tool", "agent", "instance")
    ),
    *(f"agents.actions.{verb}" for verb in ("deploy_agent", "scale_agent", "restore_revision")),
    *(f"agents.actions.try_{what}" for what in ENTRIES),
    *(f"workflows.actions.{verb}_workflow" for verb in ("create", "import", "update", "duplicate")),
    *(f"controlplane.listing.actions.{verb}" for verb in ("save_view", "update_view")),
    *(f"controlplane.projects.actions.{verb}" for verb in ("update_project", "add_member", "invite_member")),
    *(f"controlplane.projects.actions.{verb}" for verb in ("change_role", "create_token", "set_secret")),
    "workflows.actions.import_draft",
}
# Of lists: the bulk bar's own test below.
BULK = {
    *(f"{app}.actions.{verb}" for app in ("agents", "runs", "workflows") for verb in ("add_tags", "remove_tags")),
    "runs.actions.delete_run",
}
# Asked for by nobody's button: by scripts, or as a part of something else.
ELSEWHERE = {
    "runs.actions.start_runs",
    "runs.external.actions.report_task",
    "runs.external.actions.update_task",
    "workflows.actions.register_task",
    "controlplane.operations.actions.start_operation",
    "controlplane.listing.actions.change_view",
    "controlplane.listing.actions.drop_default",
}


def test_every_action_stands_somewhere():
    offered = {offer.action for place in PLACES for offer in place.offers}
    assert offered | FORMS | BULK | ELSEWHERE == set(ACTIONS)


@pytest.mark.parametrize("person", ROLES)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_button_is_there_exactly_when_the_call_succeeds(world, place, person):
    client = world.client(person)
    states = list(place.states(world))
    rows = dict(states)
    assert len(rows) == len(states)
    shown, done, statuses = set(), set(), set()
    for state, row in rows.items():
        # As HTMX asks, for a part where the page has parts.
        page = client.get(place.page(row), headers={"HX-Request": "true"})
        if page.status_code == 200:
            html = page.content.decode()
            for offer in place.offers:
                status = called(client, *offer.call(row))
                statuses.add(status)
                shown |= {(offer.action, state)} if offer.button(row) in html else set()
                done |= {(offer.action, state)} if status < 400 else set()
    assert (shown - done, done - shown) == (set(), set())
    assert statuses <= {200, 201, 202, 204, 302, 403, 404, 409}
    if person == "alice":
        assert {action for action, _ in done} == {offer.action for offer in place.offers}


def called(client: Client, method: str, address: str, body: dict[str, Any]) -> int:
    """The status of the answer; nothing of what it did stays."""
    given = {"content_type": "application/json"} if address.startswith("/api/") else {}
    with undone():
        return getattr(client, method)(address, body, **given).status_code


@pytest.mark.parametrize("noun", ["runs", "workflows", "tools", "agents"])
def test_a_bulk_preview_forecasts_what_the_call_does(world, noun, monkeypatch):
    """Of all rows in every state at once, which of them. What is given to a verb, only the call judges."""
    monkeypatch.setattr(bulk, "IDS_SHOWN", 1_000)
    client, rows = world.client("alice"), [row.pk for _, row in getattr(every_state, noun)(world)]
    for verb in find_listing(noun).bulk_actions:
        if not verb.takes:
            sent = {"project": "acme", "action": verb.name, "ids": rows}
            forecast = bulk_answer(client, noun, {**sent, "preview": True})
            with undone():
                answer = bulk_answer(client, noun, sent)
            done = {row["id"] for row in answer["rows"] if row["status"] == "done"}
            assert done == set(rows) - {pk for reason in forecast["reasons"] for pk in reason["ids"]}, verb
            assert len(done) == forecast["eligible"]


@pytest.mark.parametrize("person", ROLES)
@pytest.mark.parametrize("noun", ["runs", "workflows", "tools", "agents"])
def test_the_bulk_bar_has_what_the_role_reaches(world, noun, person):
    (_, row), *_ = getattr(every_state, noun)(world)
    client = world.client(person)
    bar = client.get(f"/p/acme/{noun}/").content.decode()
    for verb in find_listing(noun).bulk_actions:
        sent = {"project": "acme", "action": verb.name, "ids": [row.pk], "preview": True}
        answer = client.post(f"/api/v1/{noun}/bulk", sent, content_type="application/json")
        assert (answer.status_code == 200) == (f'value="{verb.name}"' in bar), verb


def bulk_answer(client: Client, noun: str, sent: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{noun}/bulk", sent, content_type="application/json")
    assert answer.status_code == 200, answer.json()
    return answer.json()
