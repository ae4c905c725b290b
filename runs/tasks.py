"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_init, worker_process_init, worker_ready

from controlplane.domain.errors import ActionRefused
from controlplane.projects.actors import SYSTEM
from runs.engine import children, control, sweep, work
from runs.engine.faults import fault
from runs.engine.leases import leases
from runs.models import RUN_LIVE, Run


@shared_task(name="runs.tasks.execute_step")
def execute_step(step_id: int) -> None:
    fault("ack.before")
    work.work(step_id)


@shared_task(name="runs.tasks.settle_child")
def settle_child(step_id: int) -> None:
    children.settle_child(step_id)


@shared_task(name="runs.tasks.stop_child")
def stop_child(step_id: int) -> None:
    """The parent is stopping: so does the run its step waits for."""
    for run in Run.objects.filter(parent_step_id=step_id, state__in=RUN_LIVE):
        try:
            control.request_stop(run.pk, by=SYSTEM, reason="The run that started this one was stopped.")
        except ActionRefused:
            continue


@shared_task(name="runs.tasks.follow_pause")
def follow_pause(step_id: int) -> None:
    control.follow_pause(step_id)


@worker_init.connect
def void_earlier_life(**_: object) -> None:
    """Before any process of a pool begins: the processes of an earlier life are gone."""
    leases.void_earlier_life()


@worker_ready.connect
def announce(sender, **_: object) -> None:
    """A thread-pool worker is up: void what its earlier life held and take that work back at once."""
    pool = sender.pool
    if not hasattr(pool, "_pool") or "prefork" not in type(pool).__module__:
        begin(slots=getattr(pool, "limit", 0) or 0)


@worker_process_init.connect
def announce_child(**_: object) -> None:
    """Each process of a prefork pool is a worker of its own."""
    begin(slots=1, queue="cpu")


def begin(*, slots: int, queue: str = "default") -> None:
    if leases.register(queue=queue, slots=slots):
        sweep.take_back_lost()
