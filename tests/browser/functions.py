"""Functions that tools of the browser tests call. The worker loads them through SPARKOPS_FUNCTION_MODULES."""

from __future__ import annotations

import time

from agents.calls.registry import function
from controlplane.domain.failures import Failure

LAST_BREATH_SECONDS = 2


class DiskFull(Failure):
    kind = "disk_full"
    retryable = False


@function("browser-full", idempotent=True)
def full(input: dict, context) -> None:
    raise DiskFull("The disk is full.", device="/dev/sdb", free_bytes=0)


@function("browser-slow-to-stop", idempotent=True)
def slow_to_stop(input: dict, context) -> None:
    """Works until it is cancelled, and needs a while to put its things away."""
    while not context.token.wait(0.05):
        pass
    time.sleep(LAST_BREATH_SECONDS)
    context.token.check()
