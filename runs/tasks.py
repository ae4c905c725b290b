"""What bells call: load, act, nothing else.

They carry a step and its run; those of an earlier version only the step.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)
from django.conf import settings

from agents.trials.hands import hands
from controlplane.domain.forking import close_connections
from runs.engine import children, control, pull, sweep, taking, work
from runs.engine.faults import fault
from runs.engine.leases import leases
from runs.engine.names import NameTaken


@shared_task(name="runs.tasks.execute_step")
def execute_step(step_id: int, run_id: int | None = None) -> None:
    fault("ack.before")
    work.work(step_id, run_id)


@shared_task(name="runs.tasks.take_due")
def take_due(queue: str) -> None:
    """Steps that are done in a moment: all that are due, whoever called."""
    fault("ack.before")
    taking.takers.take(queue)


@shared_task(name="runs.tasks.settle_child")
def settle_child(step_id: int, run_id: int | None = None) -> None:
    children.settle_child(step_id, run_id)


@shared_task(name="runs.tasks.stop_child")
def stop_child(step_id: int, run_id: int | None = None) -> None:
    control.stop_child(step_id, run_id)


@shared_task(name="runs.tasks.follow_pause")
def follow_pause(step_id: int, run_id: int | None = None) -> None:
    control.follow_pause(step_id, run_id)


@shared_task(name="runs.tasks.follow_attention")
def follow_attention(step_id: int, run_id: int | None = None) -> None:
    children.follow_attention(step_id, run_id)


@worker_init.connect
def begin_worker(sender: Any, **_: object) -> None:
    """Before the pool and the broker: this worker has its name, and what an earlier life of it held goes on.

    Processes of a prefork pool begin by themselves once they are there, with nothing open that this one opened.
    """
    in_processes = "prefork" in str(sender.pool_cls)
    pull.take_from(sender.app.amqp.queues.consume_from)
    try:
        freed = leases.take_name(
            own_name(in_processes=in_processes), slots=0 if in_processes else int(sender.concurrency)
        )
    except NameTaken as taken:
        raise SystemExit(str(taken)) from None
    if freed:
        sweep.take_back_lost()
    if in_processes:
        close_connections()
    else:
        pull.start()
        # People's tests are not computed: processes leave them to workers with threads.
        hands.start()


@worker_process_init.connect
def begin_process(**_: object) -> None:
    """Each process of a prefork pool is a worker of its own."""
    if leases.announce(queue="cpu", slots=1):
        sweep.take_back_lost()
    pull.start()


@worker_shutting_down.connect
def begin_to_end(**_: object) -> None:
    pull.stop()
    hands.stop()


@worker_shutdown.connect
@worker_process_shutdown.connect
def end_worker(**_: object) -> None:
    pull.wait()
    leases.leave()


def own_name(*, in_processes: bool) -> str:
    """One environment file may serve both kinds of workers, so the name that it gives is not the same for both."""
    given = settings.ENGINE_WORKER_NAME or leases.name
    return f"{given}-cpu" if in_processes else given
