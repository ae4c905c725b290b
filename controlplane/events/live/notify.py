"""Notices for the live view: after commit, "run 42 is at 57". They may be lost; readers ask the database anyway.

One thread a process sends them, many coalesced into one, so that no caller waits for Valkey.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time

from channels.layers import channel_layers

logger = logging.getLogger(__name__)
COALESCE_SECONDS = 0.02
# A Valkey that hangs must not hold the thread; what could not be sent by then is lost.
SEND_SECONDS = 2
# While it hangs, at most so many groups wait; further notices are dropped.
LONGEST_QUEUE = 10_000
COMPLAIN_EVERY_SECONDS = 10


class Notifier:
    """Collects notices by group and sends the newest of each from its own event loop."""

    def __init__(self) -> None:
        self._pending: dict[str, dict[str, object]] = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._complained = 0.0

    def notify(self, group: str, message: dict[str, object]) -> None:
        """Never waits and never raises."""
        with self._lock:
            waiting = self._pending.get(group)
            if waiting is None and len(self._pending) >= LONGEST_QUEUE:
                return
            if waiting is None or message.get("seq", 0) >= waiting.get("seq", 0):  # type: ignore[operator]
                self._pending[group] = message
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
                self._thread.start()
        self._wake.set()

    def _take(self) -> dict[str, dict[str, object]]:
        with self._lock:
            pending, self._pending = self._pending, {}
            self._wake.clear()
        return pending

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        layer = channel_layers.make_backend("default")
        while True:
            self._wake.wait()
            loop.run_until_complete(self._send(layer, self._take()))
            time.sleep(COALESCE_SECONDS)

    async def _send(self, layer, pending: dict[str, dict[str, object]]) -> None:
        sending = (layer.group_send(group, message) for group, message in pending.items())
        try:
            async with asyncio.timeout(SEND_SECONDS):
                outcomes = await asyncio.gather(*sending, return_exceptions=True)
        except TimeoutError as error:
            outcomes = [error]
        failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if failures:
            self._complain(failures[0])

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained > COMPLAIN_EVERY_SECONDS:
            self._complained = time.monotonic()
            logger.warning("Bells were lost", extra={"action": "bells_lost", "error": repr(error)})


_notifier = Notifier()


def _after_fork() -> None:
    """A forked worker has neither the thread nor a lock it can trust."""
    global _notifier
    _notifier = Notifier()


os.register_at_fork(after_in_child=_after_fork)


def notify_run(run_id: int, project_id: int, seq: int) -> None:
    """Tell watchers of this run, and of its project, that there is something new."""
    notify_subject("run", run_id, project_id, seq)


def notify_subject(kind: str, subject_id: int, project_id: int, seq: int) -> None:
    """Tell watchers of a thing with a stream of its own that it is at `seq`, and watchers of its project."""
    _notifier.notify(subject_group(kind, subject_id), {"type": "bell", "kind": kind, "id": subject_id, "seq": seq})
    notify_project(project_id)


def notify_project(project_id: int) -> None:
    _notifier.notify(project_group(project_id), {"type": "bell", "kind": "project", "id": project_id})


def subject_group(kind: str, subject_id: int) -> str:
    return f"{kind}.{subject_id}"


def run_group(run_id: int) -> str:
    return subject_group("run", run_id)


def project_group(project_id: int) -> str:
    return subject_group("project", project_id)
