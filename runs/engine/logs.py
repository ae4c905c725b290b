"""Log lines of an attempt, written in chunks: every 100 lines, each second, and at the end."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from controlplane.domain.database import DATABASE_AWAY
from runs import events
from runs.engine.locked import locked_run
from runs.engine.sql import borrowed_connection, run_statement

logger = logging.getLogger(__name__)

CHUNK_LINES = 100
FLUSH_SECONDS = 1.0
# One line longer than this is cut: logs are for reading.
LINE_CHARACTERS = 8_000
# A step that logs more is looping; the rest is counted, not kept.
MAX_LINES = 200_000
# So many wait in memory while the database is away.
MAX_KEPT_LINES = 10_000
LEVELS = ("debug", "info", "warning", "error")

APPEND = """
WITH run AS (
    UPDATE runs_run SET last_line = last_line + %(count)s WHERE id = %(run)s RETURNING last_line
)
INSERT INTO runs_logchunk (run_id, step_id, attempt_no, first_line, count, lines)
SELECT %(run)s, %(step)s, %(attempt)s, last_line - %(count)s + 1, %(count)s, %(lines)s::jsonb FROM run
RETURNING first_line
"""


class LogBuffer:
    """Collects lines of one attempt; any thread may flush it. Text is already redacted by who writes."""

    def __init__(self, *, run_id: int, step_id: int, attempt_no: int) -> None:
        self.run_id, self.step_id, self.attempt_no = run_id, step_id, attempt_no
        self._lines: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._oldest = self._not_before = 0.0
        self._written = 0

    def add(self, level: str, text: str) -> None:
        """Never raises: the work matters more than its log."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        lines = [
            {"at": at, "level": level if level in LEVELS else "info", "text": clean(line)}
            for line in (text.splitlines() or [""])
        ]
        with self._lock:
            if not self._lines:
                self._oldest = time.monotonic()
            self._lines.extend(lines)
            full = len(self._lines) >= CHUNK_LINES and time.monotonic() >= self._not_before
        if full:
            with suppress(*DATABASE_AWAY), borrowed_connection():
                self.flush()

    def flush_if_old(self) -> None:
        if self._lines and time.monotonic() - self._oldest >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what there is, in order. A line number says where a reader goes on."""
        with self._writing:
            with self._lock:
                lines, self._lines = self._lines, []
            try:
                while lines:
                    self._write(lines[:CHUNK_LINES])
                    lines = lines[CHUNK_LINES:]
            finally:
                self._keep_for_later(lines)

    def _keep_for_later(self, lines: list[dict[str, str]]) -> None:
        """What could not be written while the database is away, up to a limit."""
        with self._lock:
            self._lines[:0] = lines
            del self._lines[:-MAX_KEPT_LINES]
            if lines:
                self._oldest = time.monotonic()
                self._not_before = self._oldest + FLUSH_SECONDS

    def _write(self, lines: list[dict[str, str]]) -> None:
        if self._written >= MAX_LINES:
            return
        if self._written + len(lines) >= MAX_LINES:
            text = f"More than {MAX_LINES:,} lines: the rest of this attempt's log is not kept."
            lines = [*lines[:-1], {**lines[-1], "level": "warning", "text": text}]
        parameters = {
            "run": self.run_id,
            "step": self.step_id,
            "attempt": self.attempt_no,
            "count": len(lines),
            "lines": json.dumps(lines),
        }
        with locked_run(self.run_id) as run:
            if run is not None:
                first = run_statement(APPEND, parameters)[0]["first_line"]
                run.emit(events.LOGS, line=first + len(lines) - 1, step=self.step_id)
        self._written += len(lines)


def clean(line: str) -> str:
    """PostgreSQL keeps no NUL; very long lines are cut."""
    line = line.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}… ({len(line):,} characters)"
