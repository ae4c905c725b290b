"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Beginning, Entry, Look, Portal, Subject, Sweep, Words

HAPPENS = Words(by_itself=True)
NEEDS_ATTENTION = Look("Needs attention", "purple", "alert")

PORTAL = Portal(
    navigation=(Entry("Runs", "run", "runs:list", 20),),
    beginnings=(
        Beginning("Start a run", "run", "runs:new", 10, role="operator"),
        Beginning("Compare runs", "columns", "runs:compare", 20, role="viewer"),
    ),
    subjects=(
        Subject("run", "runs:detail", numbered=True, find="runs.list.search.find_runs", group="Runs", place=10),
        Subject("step", icon="run", told_as_part=True),
    ),
    words={
        **{
            f"run.{name}": HAPPENS
            for name in ("started", "paused", "needs_attention", "succeeded", "partially_succeeded", "failed")
        },
        **{f"step.{name}": HAPPENS for name in ("started", "succeeded", "failed")},
        "run.timed_out": Words("timed out", by_itself=True),
        "run.pause_requested": Words("asked to pause"),
        "run.stop_requested": Words("asked to stop"),
        "step.reviewed": Words("decided about a step of"),
        "step.needs_review": Words("needs a decision about a step", by_itself=True),
        "step.signalled": Words("sent a signal to a step of"),
    },
    looks={
        "waiting_approval": Look("Waiting for approval", "purple", "question"),
        "paused": Look("Paused", "warning", "pause"),
        "stopping": Look("Stopping", "orange", "cancel"),
        "timed_out": Look("Timed out", "orange", "clock-off"),
        "waiting": Look("Waiting", "purple", "hourglass"),
        "retrying": Look("Retrying", "orange", "retry"),
        "lost": Look("Worker lost", "orange", "alert"),
        "needs_attention": NEEDS_ATTENTION,
        "needs_review": NEEDS_ATTENTION,
    },
    lists={"runs": "runs.list.listing.RUNS"},
    streams={"run": "runs.queries.project_of_run"},
    sweeps=(
        Sweep("taken_back", "runs.engine.sweep.take_back_lost"),
        Sweep("timers", "runs.engine.sweep.end_timers"),
        Sweep("timed_out", "runs.engine.sweep.time_out_runs"),
        Sweep("children", "runs.engine.sweep.settle_children"),
        Sweep("rung", "runs.engine.sweep.ring_again"),
        Sweep("workers_forgotten", "runs.engine.leases.forget_old_workers"),
        Sweep("scaled", "runs.engine.scaling.scale_agents"),
        Sweep("slots_recounted", "runs.engine.sweep.recount_slots", seconds=10),
    ),
    metrics=("runs.metrics.measure",),
)
