"""Fault points: where the fault suite kills, stops or breaks a process. Free of cost unless SPARKOPS_FAULT is set."""

from __future__ import annotations

import itertools
import os
import signal
import time

from django.db import OperationalError

_plan = os.environ.get("SPARKOPS_FAULT", "")
_passes = itertools.count(1)


def fault(point: str) -> None:
    """SPARKOPS_FAULT=point:nth:action acts on the nth pass; action is exit137, sigstop, raise or sleep=SECONDS."""
    if not _plan:
        return
    planned, nth, action = _plan.split(":", 2)
    if planned != point or next(_passes) != int(nth):
        return
    if action == "exit137":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "sigstop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "raise":
        raise OperationalError("injected fault")
    elif action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))
