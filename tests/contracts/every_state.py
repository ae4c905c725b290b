"""Runs, steps, workflows and the rest in every state that a verb could be asked for in: name of the state -> row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Deployment, Environment, Revision
from controlplane.listing.actions import save_view
from controlplane.listing.models import SavedView
from controlplane.operations.models import OPERATION_LIVE, Operation, OperationState
from controlplane.projects.actions import create_token, set_secret
from controlplane.projects.models import ApiToken, Invitation, Member, Project, Role
from controlplane.projects.tenants.actors import SYSTEM
from runs.engine.external import NO_STEPS
from runs.models import PEOPLE, RUN_FINAL, PauseCause, Run, RunState, StepRun, StepState, Trigger, WaitsFor
from tests.agents.catalogue import make_agent, make_tool
from tests.world import DOCUMENT, World, make_run, make_workflow
from workflows.models import Version, VersionState, Workflow

States = Iterator[tuple[str, Any]]
LONG_AGO, SOON = timedelta(days=2), timedelta(days=2)
TEXT = "steps:\n  - key: only\n    uses: noop\n"
# How a run may be held: why it is paused, and whether a step waits for a review.
HELD = [("", False), *product(PauseCause.values, (False, True))]


def named(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def runs(world: World) -> States:
    now = timezone.now()
    homes = {archived: make_workflow(world.acme, f"home-{archived}") for archived in (False, True)}
    Workflow.objects.filter(pk=homes[True].pk).update(archived_at=now)
    for state, archived, trigger, (cause, review) in product(
        RunState, (False, True), (Trigger.MANUAL, Trigger.EXTERNAL), HELD
    ):
        if can_be(state, archived, trigger, cause):
            run = make_run(homes[archived], state, trigger=trigger, pause_cause=cause, **fields(state, cause, now))
            if trigger == Trigger.EXTERNAL:
                Run.objects.filter(pk=run.pk).update(version=None, definition=NO_STEPS)
            else:
                waits = StepState.NEEDS_REVIEW if review else StepState.SUCCEEDED
                StepRun.objects.create(
                    run=run, key="only", position=0, uses="noop", state=waits, waits_for=waits_of(waits)[0]
                )
            yield named(state, archived and "archived", trigger, cause, review and "to review"), run


def can_be(state: str, archived: bool, trigger: str, cause: str) -> bool:
    """Whether it can be, and is worth asking: what is held, is so wherever its workflow is kept."""
    if not cause:
        return state != RunState.PAUSED
    is_held = state in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)
    return is_held and not archived and trigger == Trigger.MANUAL


def fields(state: str, cause: str, now: Any) -> dict[str, Any]:
    asked = {"stop_requested_at": now, "control_by": "erin"} if state == RunState.STOPPING else {}
    held = {"pause_requested_at": now, "control_by": "erin"} if cause else {}
    return {"open_steps": 0 if state in RUN_FINAL else 1, **asked, **held}


def failures(world: World) -> States:
    """Fewer than the overview shows."""
    yield from ((name, run) for name, run in runs(world) if run.state == RunState.FAILED)


def steps(world: World) -> States:
    workflow = make_workflow(world.acme, "stepping")
    for state in StepState:
        lease = {"lease_until": timezone.now() + SOON, "worker": "w"} if state == StepState.RUNNING else {}
        for waits_for in waits_of(state):
            run = make_run(workflow, RunState.RUNNING, open_steps=1, people_steps=int(waits_for in PEOPLE))
            made = {"uses": "noop", "state": state, "waits_for": waits_for, **lease}
            yield named(state, waits_for), StepRun.objects.create(run=run, key="only", position=0, **made)


def waits_of(state: str) -> list[str]:
    """What a step in this state may wait for."""
    if state == StepState.NEEDS_REVIEW:
        return [WaitsFor.REVIEW]
    return [one for one in WaitsFor if one != WaitsFor.REVIEW] if state == StepState.WAITING else [""]


def workflows(world: World) -> States:
    for released, draft, archived, used in product((True, False), (True, False), (True, False), (True, False)):
        if released or draft:
            name = named(released and "released", draft and "draft", archived and "archived", used and "used")
            fields = {"archived_at": timezone.now() if archived else None}
            make = make_workflow if released else bare_workflow
            workflow = make(world.acme, name.replace(" ", "-"), **fields)
            if draft:
                add_draft(workflow)
            if used:
                user = Workflow.objects.create(project=world.acme, name=f"uses-{workflow.pk}")
                add_draft(user, uses=[f"workflow:{workflow.name}"])
            yield name, workflow


def bare_workflow(project: Project, name: str, **given: Any) -> Workflow:
    return Workflow.objects.create(project=project, name=name, **given)


def add_draft(workflow: Workflow, **given: Any) -> Version:
    made = {"text": TEXT, "document": DOCUMENT, "created_by": "erin", "updated_by": "erin", **given}
    return Version.objects.create(workflow=workflow, number=9, state=VersionState.DRAFT, **made)


def versions(world: World) -> States:
    now = timezone.now()
    for state, draft, archived in product(VersionState, (True, False), (True, False)):
        if state != VersionState.DRAFT or draft:
            name = named(state, draft and "beside a draft", archived and "archived")
            workflow = bare_workflow(world.acme, name.replace(" ", "-"), archived_at=now if archived else None)
            made = {"text": TEXT, "document": DOCUMENT, "created_by": "erin", "released_at": now}
            kept = VersionState.RELEASED if state == VersionState.DRAFT else state
            version = Version.objects.create(workflow=workflow, number=1, state=kept, **made)
            beside = add_draft(workflow) if draft else version
            yield name, beside if state == VersionState.DRAFT else version


def tools(world: World) -> States:
    for enabled, probed in product((True, False), (True, False)):
        tool = make_tool(world, f"tool-{enabled}-{probed}".lower(), enabled=enabled)
        type(tool).objects.filter(pk=tool.pk).update(probed=probed)
        yield named(enabled and "enabled", probed and "probed"), tool


def agents(world: World) -> States:
    """As tools; and with none, one and two deployments of one and of two versions."""
    for number, revisions in enumerate([(), (0,), (0, 0), (0, 1)]):
        agent = make_agent(world, f"agent-{number}")
        first = agent.revisions.get()
        second = Revision.objects.create(agent=agent, number=2, snapshot=first.snapshot, created_by="erin")
        for chosen in revisions:
            given = {"environment": Environment.DEV, "revision": (first, second)[chosen]}
            Deployment.objects.create(agent=agent, deployed_by="erin", **given)
        type(agent).objects.filter(pk=agent.pk).update(version_no=2, enabled=number % 2, probed=number > 1)
        yield f"deployed {revisions}", agent


def operations(world: World) -> States:
    """Of bob and of erin; one that has succeeded with and without what an undo needs."""
    usual = {"undo_action": "remove_tags", "done": 1}
    for state in set(OperationState) - {OperationState.DRAFT}:
        for user in (world.bob, world.erin):
            yield named(state, user.username), operation(world, state, user, **usual)
    ended, now = OperationState.SUCCEEDED, timezone.now()
    yield "without undo", operation(world, ended, world.bob, done=1)
    yield "nothing done", operation(world, ended, world.bob, **{**usual, "done": 0})
    yield "long ago", operation(world, ended, world.bob, **usual, ended_at=now - LONG_AGO)
    undone = operation(world, ended, world.bob, **usual)
    operation(world, OperationState.QUEUED, world.bob, undo_of=undone)
    yield "undone", undone


def operation(world: World, state: str, user: User, **given: Any) -> Operation:
    now = timezone.now()
    ended = {} if state in OPERATION_LIVE else {"ended_at": now}
    fixed = {"kind": "bulk", "subject": "runs", "action": "add_tags", "label": "Tag", "total": 1}
    made = {**fixed, "created_by": user.username, "expires_at": now + SOON, **ended, **given}
    return Operation.objects.create(project=world.acme, state=state, user=user, **made)


def invitations(world: World) -> States:
    now = timezone.now()
    ends = {"open": {}, "revoked": {"revoked_at": now}, "accepted": {"accepted_at": now}, "expired": {}}
    for number, (name, given) in enumerate(ends.items()):
        expires = now - LONG_AGO if name == "expired" else now + SOON
        made = {"role": "viewer", "created_by": world.alice, "expires_at": expires, **given}
        yield name, Invitation.objects.create(project=world.acme, email=f"new{number}@example.com", **made)


def members(world: World) -> States:
    """alice is the last administrator."""
    for member in Member.objects.filter(project=world.acme).select_related("user"):
        yield str(member), member


def administrators(world: World) -> States:
    Member.objects.create(project=world.acme, user=User.objects.create(username="ada"), role=Role.ADMIN)
    yield from members(world)


def tokens(world: World) -> States:
    now = timezone.now()
    ends = {"live": {}, "revoked": {"revoked_at": now}, "expired": {"expires_at": now - LONG_AGO}}
    for owner, (name, given) in product(("alice", "bob"), ends.items()):
        made, _ = create_token(world.acme, name=f"{owner}-{name}", role="viewer", days=9, by=world.actor(owner))
        ApiToken.objects.filter(pk=made.pk).update(**given)
        yield named(owner, name), made


def secrets(world: World) -> States:
    yield "there", set_secret(world.acme, name="KEY", value="sesame", by=SYSTEM)


def views(world: World) -> States:
    """Not shared and no default: what is shared or opens first already, the verbs let be."""
    for owner in ("alice", "bob", "erin"):
        yield owner, save_view(world.acme, listing="runs", name=f"{owner}-view", query="tag=a", by=world.actor(owner))


def shared_views(world: World) -> States:
    for owner in ("alice", "bob", "erin"):
        named = {"listing": "runs", "name": f"{owner}-shared", "query": "tag=a", "is_shared": True}
        view = save_view(world.acme, **{**named, "is_shared": False}, by=world.actor(owner))
        SavedView.objects.filter(pk=view.pk).update(is_shared=True, is_default=owner == "bob")
        yield owner, view
