"""Bells for the live view: after commit, "run 42 is at 57". They may be lost; readers ask the database anyway.

One thread a process sends them, many coalesced into one, so that no caller waits for Valkey.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time

from channels.layers import channel_layers

logger = logging.getLogger(__name__)
COALESCE_SECONDS = 0.02


class Ringer:
    """Collects bells by group and sends the newest of each from its own event loop."""

    def __init__(self) -> None:
        self._pending: dict[str, dict[str, object]] = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self, group: str, message: dict[str, object]) -> None:
        with self._lock:
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
            try:
                loop.run_until_complete(self._send(layer, self._take()))
            except Exception as error:
                logger.warning("Bells were lost", extra={"action": "bells_lost", "error": str(error)})
            time.sleep(COALESCE_SECONDS)

    async def _send(self, layer, pending: dict[str, dict[str, object]]) -> None:
        await asyncio.gather(*(layer.group_send(group, message) for group, message in pending.items()))


_ringer = Ringer()


def ring_run(run_id: int, project_id: int, seq: int) -> None:
    """Tell watchers of this run, and of its project, that there is something new."""
    _ringer.ring(run_group(run_id), {"type": "bell", "run": run_id, "seq": seq})
    ring_project(project_id)


def ring_project(project_id: int) -> None:
    _ringer.ring(project_group(project_id), {"type": "bell", "project": project_id})


def run_group(run_id: int) -> str:
    return f"run.{run_id}"


def project_group(project_id: int) -> str:
    return f"project.{project_id}"
