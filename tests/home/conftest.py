"""A worker and a sweeper in this process, for tests that want runs to really run."""

from __future__ import annotations

import time

from controlplane.portal.sweeping import sweep
from runs.engine.work import work
from runs.models import Run, StepRun


def run_to_its_end(run: Run, seconds: float = 60) -> Run:
    """Carry out the steps of `run` as they become due. Fails when it is not final in time."""
    deadline = time.monotonic() + seconds
    while not run.is_final:
        assert time.monotonic() < deadline, f"{run} is still {run.state}"
        ready = StepRun.objects.filter(run=run, state__in=["queued", "retrying"]).values_list("pk", flat=True)
        for step_id in list(ready):
            work(step_id)
        sweep()
        run.refresh_from_db()
    return run
