"""What follows from a finished step: items, dependents, skips, and the end of the run. Runs under the run's lock."""

from __future__ import annotations

from collections import deque
from typing import Any

from django.conf import settings

from controlplane.domain import expressions
from controlplane.domain.expressions import ExpressionError
from controlplane.domain.failures import Failure
from controlplane.domain.words import counted
from runs import events
from runs.engine.calling import INSTANT
from runs.engine.inline import opening_of, opens_inline
from runs.engine.locked import LockedRun, as_json, described
from runs.engine.outputs import StorageFailure, load_steps, refuse_unstorable, resolve, store
from runs.engine.sql import Row, one, run_statement, the_one
from runs.engine.waiting import Ending, settle_waiting
from runs.models import RunState, StepState, WaitsFor
from workflows.specification.language import Step

MAX_ITEMS = 10_000
# A run's row is locked while the outputs of a foreach are read and joined.
MAX_JOINED_BYTES = 64 * 1024 * 1024
# Of steps that only wait; the others of a long foreach go by the queue, so that nobody waits long for the lock.
MAX_OPENED = 100

RELEASE = """
UPDATE runs_steprun SET waiting_for = waiting_for - 1
WHERE run_id = %(run)s AND key = ANY(%(keys)s) AND index IS NULL AND state = 'pending'
RETURNING id, key, index, waiting_for, queue, item
"""
NEEDS = """
SELECT key, state FROM runs_steprun WHERE run_id = %(run)s AND key = ANY(%(keys)s) AND index IS NULL
"""
TAKE_ALONG = """
WITH step AS (
    UPDATE runs_steprun SET state = 'running', attempt_no = attempt_no + 1, worker = %(worker)s, queued_at = now(),
        lease_until = now() + make_interval(secs => %(lease)s), started_at = now(), due_at = now()
    WHERE run_id = %(run)s AND id = %(id)s AND state = 'pending' AND slot_key = '' AND queue = %(queue)s
    RETURNING id, key, index, uses, attempt_no, item, slot_key
), attempt AS (
    INSERT INTO runs_attempt (run_id, step_id, number, state, worker)
    SELECT %(run)s, id, attempt_no, 'running', %(worker)s FROM step
)
SELECT * FROM step
"""
QUEUE = """
UPDATE runs_steprun SET state = 'queued', due_at = now(), queued_at = now(), rung_at = now(), held = %(held)s
WHERE run_id = %(run)s AND id = ANY(%(ids)s) RETURNING id, key, index, queue, uses, slot_key
"""
OPEN_INLINE = """
UPDATE runs_steprun SET state = 'waiting', waits_for = %(waits_for)s, request = %(request)s::jsonb, held = false,
    queued_at = COALESCE(queued_at, now()), started_at = now(), rung_at = NULL,
    due_at = now() + make_interval(secs => %(seconds)s::float)
WHERE run_id = %(run)s AND id = %(id)s
"""
ITEM = "SELECT item FROM runs_steprun WHERE run_id = %(run)s AND id = %(id)s"
SETTLE = """
UPDATE runs_steprun SET state = %(state)s, ended_at = clock_timestamp(), lease_until = NULL,
    output = COALESCE(%(output)s::jsonb, output), error = COALESCE(%(error)s::jsonb, error)
WHERE run_id = %(run)s AND id = %(id)s
"""
OPEN_PARENT = """
UPDATE runs_steprun SET state = 'waiting', waits_for = 'items', open_items = %(count)s, started_at = now(),
    due_at = NULL
WHERE run_id = %(run)s AND id = %(id)s
"""
ADD_ITEMS = """
INSERT INTO runs_steprun (run_id, key, index, position, uses, stage, queue, slot_key, state, item, waiting_for,
                          attempt_no, losses, held, worker, cancel_requested, cost_usd, input_tokens, output_tokens)
SELECT run_id, key, ordinality - 1, position, uses, stage, queue, slot_key, 'pending', new.item, 0,
       0, 0, false, '', false, 0, 0, 0
FROM runs_steprun, unnest(%(items)s::jsonb[]) WITH ORDINALITY AS new (item, ordinality)
WHERE run_id = %(run)s AND id = %(id)s
RETURNING id, index
"""
FINISH_ITEM = """
UPDATE runs_steprun SET open_items = open_items - 1
WHERE run_id = %(run)s AND key = %(key)s AND index IS NULL
RETURNING id, key, index, open_items, queue
"""
SET_OPEN_ITEMS = "UPDATE runs_steprun SET open_items = %(count)s WHERE run_id = %(run)s AND id = %(id)s"
NEXT_ITEM = """
SELECT id, key, index FROM runs_steprun
WHERE run_id = %(run)s AND key = %(key)s AND state = 'pending' AND index IS NOT NULL ORDER BY index LIMIT 1
"""
ITEM_BYTES = """
SELECT COALESCE(sum(CASE WHEN output -> '$artifact' IS NULL THEN octet_length(output::text)
                         ELSE (output ->> 'size')::bigint END), 0)::bigint AS bytes
FROM runs_steprun WHERE run_id = %(run)s AND key = %(key)s AND index IS NOT NULL
"""
ITEM_RESULTS = """
SELECT index, state, output, error FROM runs_steprun
WHERE run_id = %(run)s AND key = %(key)s AND index IS NOT NULL ORDER BY index
"""
DROP_ITEMS = """
UPDATE runs_steprun SET state = 'skipped', ended_at = clock_timestamp()
WHERE run_id = %(run)s AND key = %(key)s AND index IS NOT NULL AND state = 'pending' RETURNING id
"""
FAILURES = """
SELECT key, state, error FROM runs_steprun
WHERE run_id = %(run)s AND index IS NULL AND state IN ('failed', 'cancelled') ORDER BY ended_at
"""


class Advance:
    """One walk from settled steps to everything that follows from them.

    With `worker` and `queue`, when exactly one step becomes ready, that worker has it at once, as `taken`: no message,
    no second commit; with `only_instant`, when it is done in a moment.
    """

    def __init__(self, run: LockedRun, *, worker: str = "", queue: str = "", only_instant: bool = False) -> None:
        self.run = run
        self.spec = run.plan.spec
        self.worker, self.queue_name, self.only_instant = worker, queue, only_instant
        self.settled: deque[Row] = deque()
        self.ready: list[Row] = []
        self.opened = 0
        self.taken: Row | None = None

    def after(self, step: Row) -> None:
        """`step` {"id", "key", "index", "state"} has just ended: go on from there; close the run when all is done."""
        self.has_ended(step)
        self.go_on()

    def go_on_with(self, held: list[Row]) -> None:
        """Those that were queued while the run was paused: {"id", "key", "index", "queue"}."""
        for row in held:
            step = self.spec.step(row["key"])
            if opens_inline(step) and self.opened < MAX_OPENED:
                self.begin(row, step)
            else:
                self.run.ring_for(row)
        self.go_on()

    def has_ended(self, step: Row) -> None:
        self.run.open_steps -= 1
        self.settled.append(step)

    def go_on(self) -> None:
        while self.settled:
            step = self.settled.popleft()
            if step["index"] is None:
                self.release_dependents(step)
            else:
                self.count_item(step)
        if not self.take_along():
            self.queue([row["id"] for row in self.ready])
        self.ready = []
        if self.run.open_steps == 0 and not self.run.is_final:
            close(self.run)

    def release_dependents(self, step: Row) -> None:
        keys = self.run.plan.dependents.get(step["key"], ())
        if not keys or self.run.stop_requested_at:
            return
        released = run_statement(RELEASE, {"run": self.run.id, "keys": list(keys)})
        for row in released:
            if row["waiting_for"] == 0:
                self.open(row, after=step)

    def open(self, row: Row, after: Row | None = None) -> None:
        """All that this step needs has ended: skip it, spread it over its items, or queue it."""
        step = self.spec.step(row["key"])
        try:
            reason = self.reason_to_skip(step, after)
            if reason:
                self.settle(row, StepState.SKIPPED, events.STEP_SKIPPED, reason=reason)
            elif step.foreach is not None:
                self.spread(row, step)
            else:
                self.begin(row, step)
        except ExpressionError as error:
            self.fail(row, "expression", str(error))
        except StorageFailure as failure:
            self.fail(row, failure.kind, failure.message)

    def begin(self, row: Row, step: Step) -> None:
        """This step, or item, has its turn: one that only waits is opened here, every other is queued."""
        if opens_inline(step) and self.opened < MAX_OPENED and not self.run.holds_steps:
            self.opened += 1
            self.open_inline(row, step)
        else:
            self.ready.append(row)

    def open_inline(self, row: Row, step: Step) -> None:
        try:
            request = expressions.render(step.with_, self.context_of(row, step))
            refuse_unstorable(request)
            outcome = opening_of(step, request)
        except Failure as failure:
            error = {"type": failure.kind, "message": failure.message, "stack": "", "context": {}, "stage": step.stage}
            self.settle(row, StepState.FAILED, events.STEP_FAILED, error=error)
            return
        seconds = outcome.wait_seconds
        asked = {"waits_for": outcome.waits_for, "seconds": seconds, "request": as_json(request)}
        run_statement(OPEN_INLINE, self.one(row) | asked)
        self.run.start()
        due: dict[str, Any] = {} if seconds is None else {"due_in_seconds": round(seconds, 3)}
        self.run.emit(events.STEP_WAITING, **described(row, StepState.WAITING), waits_for=outcome.waits_for, **due)
        if outcome.state == StepState.SUCCEEDED:
            self.end_waiting(row, outcome.waits_for, Ending(StepState.SUCCEEDED))

    def one(self, row: Row) -> dict[str, int]:
        """Which step, for a statement: also the run's part of the table."""
        return {"run": self.run.id, "id": row["id"]}

    def context_of(self, row: Row, step: Step) -> dict[str, Any]:
        """What the `with` of this step, or item, sees."""
        steps = load_steps(self.run.id, self.run.plan.read_by_request(step))
        if row["index"] is None:
            return self.run.context(steps)
        return self.run.context(steps, item=the_one(ITEM, self.one(row))["item"], index=row["index"])

    def end_waiting(self, step: Row, waits_for: str, ending: Ending) -> None:
        row = settle_waiting(self.run, step["id"], waits_for, ending)
        if row is not None:
            self.has_ended(row)

    def reason_to_skip(self, step: Step, after: Row | None) -> str:
        only_need_succeeded = after is not None and len(step.needs) == 1 and after["state"] == StepState.SUCCEEDED
        if step.run_if != "always" and step.needs and not only_need_succeeded:
            reason = self.unmet_need(step)
            if reason:
                return reason
        if not step.when:
            return ""
        context = self.context(step)
        return "" if expressions.condition(step.when, context) else "Its condition was false."

    def unmet_need(self, step: Step) -> str:
        for need in run_statement(NEEDS, {"run": self.run.id, "keys": list(step.needs)}):
            tolerated = need["state"] == StepState.FAILED and self.spec.step(need["key"]).on_error == "continue"
            if need["state"] != StepState.SUCCEEDED and not tolerated:
                return f"It needs {need['key']}, which was {need['state']}."
        return ""

    def context(self, step: Step) -> dict[str, Any]:
        return self.run.context(load_steps(self.run.id, self.run.plan.read_by_opening(step)))

    def spread(self, row: Row, step: Step) -> None:
        items = expressions.render(step.foreach, self.context(step))
        if not isinstance(items, list) or len(items) > MAX_ITEMS:
            self.fail(row, "foreach", f"foreach must give a list of at most {MAX_ITEMS:,} items.")
            return
        if not items:
            self.settle(row, StepState.SUCCEEDED, events.STEP_SUCCEEDED, output=[])
            return
        run_statement(OPEN_PARENT, self.one(row) | {"count": len(items)})
        added = run_statement(ADD_ITEMS, self.one(row) | {"items": [as_json(item) or "null" for item in items]})
        self.run.open_steps += len(added)
        told = described(row, StepState.WAITING)
        self.run.emit(events.STEP_WAITING, **told, waits_for=WaitsFor.ITEMS, items=len(items))
        for item in sorted(added, key=lambda item: item["index"])[: step.max_parallel]:
            self.begin({**item, "key": row["key"]}, step)

    def count_item(self, item: Row) -> None:
        """One item of a foreach ended: the next one follows, or the whole step ends."""
        step = self.spec.step(item["key"])
        where = {"run": self.run.id, "key": item["key"]}
        parent = the_one(FINISH_ITEM, where)
        stops = item["state"] != StepState.SUCCEEDED and step.on_error != "continue"
        if stops:
            dropped = len(run_statement(DROP_ITEMS, where))
            self.run.open_steps -= dropped
            parent["open_items"] -= dropped
            run_statement(SET_OPEN_ITEMS, self.one(parent) | {"count": parent["open_items"]})
        if parent["open_items"] == 0:
            self.end_parent(parent)
        elif not self.run.stop_requested_at:
            following = one(NEXT_ITEM, where)
            if following:
                self.begin(following, step)

    def end_parent(self, parent: Row) -> None:
        try:
            ending = self.joined(parent)
        except StorageFailure as failure:
            ending = Ending(StepState.FAILED, error={"type": failure.kind, "message": failure.message})
        self.end_waiting(parent, WaitsFor.ITEMS, ending)

    def joined_output(self, parent: Row, results: list[Row]) -> Any:
        """The items' outputs as one list, stored. Raises StorageFailure."""
        return self.stored_output(parent, [resolve(result["output"], self.run.id) for result in results])

    def joined(self, parent: Row) -> Ending:
        """What the items came to together. Raises StorageFailure."""
        where = {"run": self.run.id, "key": parent["key"]}
        size = the_one(ITEM_BYTES, where)["bytes"]
        if size > MAX_JOINED_BYTES and not self.run.stop_requested_at:
            raise StorageFailure(f"The outputs of the items are {size:,} bytes; {MAX_JOINED_BYTES:,} can be joined.")
        results = run_statement(ITEM_RESULTS, where)
        failed = [result for result in results if result["state"] == StepState.FAILED]
        if self.run.stop_requested_at:
            return Ending(StepState.CANCELLED)
        output = self.joined_output(parent, results)
        if failed:
            first = failed[0]["error"] or {}
            message = f"{len(failed)} of {counted(len(results), 'items')} failed; the first: {first.get('message', '')}"
            error = {"type": first.get("type", "item_failed"), "message": message}
            return Ending(StepState.FAILED, output=output, error=error)
        return Ending(StepState.SUCCEEDED, output=output)

    def stored_output(self, step: Row, output: Any) -> Any:
        return store(output, run_id=self.run.id, step_id=step["id"], attempt_no=0)

    def fail(self, row: Row, type: str, message: str) -> None:
        self.settle(row, StepState.FAILED, events.STEP_FAILED, error={"type": type, "message": message})

    def settle(self, row: Row, state: str, event: str, *, output: Any = None, error: Any = None, **data: Any) -> None:
        ended = {"state": state, "output": as_json(output), "error": as_json(error)}
        run_statement(SETTLE, self.one(row) | ended)
        more = data | ({"error": error} if error else {})
        self.run.emit(event, **described(row, state), **more)
        self.has_ended({**row, "state": state})

    def take_along(self) -> bool:
        if not self.worker or len(self.ready) != 1 or self.run.rings or self.run.holds_steps:
            return False
        if self.only_instant and self.spec.step(self.ready[0]["key"]).kind not in INSTANT:
            return False
        parameters = {"run": self.run.id, "id": self.ready[0]["id"], "worker": self.worker, "queue": self.queue_name,
                      "lease": settings.ENGINE_LEASE_SECONDS}  # fmt: skip
        self.taken = one(TAKE_ALONG, parameters)
        if self.taken is not None:
            more = {"attempt": self.taken["attempt_no"], "worker": self.worker}
            self.run.emit(events.STEP_STARTED, **described(self.taken, StepState.RUNNING), **more)
        return self.taken is not None

    def queue(self, ids: list[int]) -> None:
        if not ids:
            return
        for row in run_statement(QUEUE, {"run": self.run.id, "ids": ids, "held": self.run.holds_steps}):
            self.run.emit(events.STEP_QUEUED, **described(row, StepState.QUEUED))
            if not self.run.holds_steps:
                self.run.ring_for(row)


def close(run: LockedRun) -> None:
    """Nothing is left to do: the run ends."""
    failures = run_statement(FAILURES, {"run": run.id}) if run.failures is None else run.failures
    spec = run.plan.spec
    hard = [
        row for row in failures if row["state"] == StepState.FAILED and spec.step(row["key"]).on_error != "continue"
    ]
    if run.stop_requested_at:
        run.state = RunState.TIMED_OUT if run.deadline_passed else RunState.CANCELLED
    elif hard:
        run.state, run.error = RunState.FAILED, {"step": hard[0]["key"], **(hard[0]["error"] or {})}
    else:
        run.state = RunState.PARTIALLY_SUCCEEDED if failures else RunState.SUCCEEDED
        add_outputs(run)
    run.end_pause()
    run.emit(f"run.{run.state}", state=run.state, error=run.error)


def add_outputs(run: LockedRun) -> None:
    """Sets `run.outputs`; where they cannot be made the run fails, and `run.error` says why."""
    template = run.plan.spec.outputs
    if not template:
        return
    try:
        run.outputs = expressions.render(template, run.context(load_steps(run.id, run.plan.read_by_outputs)))
    except StorageFailure as failure:
        run.state, run.error = RunState.FAILED, {"type": failure.kind, "message": failure.message}
    except ExpressionError as error:
        run.state = RunState.FAILED
        run.error = {"type": "expression", "message": f"The outputs cannot be computed: {error}"}
