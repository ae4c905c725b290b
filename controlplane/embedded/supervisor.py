"""Keeps children running: reads what they say, starts them again when they die, ends them in order."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from controlplane.embedded.problems import CannotStart
from controlplane.embedded.processes import Program, end, forget, kill_group, launch

# A child that lived this long died for a new reason; one that did not waits longer each time. Seconds.
SETTLED, FIRST_DELAY, LONGEST_DELAY = 10.0, 0.1, 30.0
# Signals within this time are one request to stop. Seconds.
ONE_REQUEST = 0.5
LOG_BYTES, LOG_COPIES = 10 * 1024 * 1024, 2
CHUNK = 64 * 1024


class Stop(Exception):
    """Somebody asked us to stop before everything ran."""


class Child:
    """A program, its present process, and what it said."""

    def __init__(self, program: Program, logs: Path, *, echo: bool) -> None:
        self.program, self.echo = program, echo
        self.process: subprocess.Popen[bytes] | None = None
        self.log = logs / f"{program.name}.log"
        self.failures, self.started, self.due = 0, 0.0, 0.0
        self.rest = b""
        self.handler = RotatingFileHandler(self.log, maxBytes=LOG_BYTES, backupCount=LOG_COPIES)

    def write_output(self, data: bytes) -> None:
        """Write what the child said, line by line, to its log and, when it is ours to show, to the terminal."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > CHUNK:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            self.say(line.decode(errors="replace"))

    def say(self, line: str) -> None:
        self.handler.emit(logging.makeLogRecord({"msg": line}))
        if self.echo:
            say(f"{self.program.name:<9}| {line}")

    def next_delay(self) -> float:
        """Seconds until the next start after a death."""
        settled = time.monotonic() - self.started > SETTLED
        self.failures = 1 if settled else self.failures + 1
        return min(LONGEST_DELAY, FIRST_DELAY * 4 ** (self.failures - 1))


def say(line: str) -> None:
    """Print a line; a terminal that went away must not end the servers."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)


class Supervisor:
    """Runs children in the order they were added and ends them in the reverse order.

    Everything happens in the main thread: children die with the thread that started them.
    """

    def __init__(self, records: Path, logs: Path) -> None:
        self.records, self.logs = records, logs
        self.children: list[Child] = []
        self.asked_to_stop, self.last_asked = 0, -ONE_REQUEST
        self.selector = selectors.DefaultSelector()
        logs.mkdir(mode=0o700, exist_ok=True)
        self.listen_to_signals()

    def listen_to_signals(self) -> None:
        """Turn signals into something the selector sees, so that none is missed between two looks."""
        self.bell, ringer = socket.socketpair()
        self.bell.setblocking(False)
        ringer.setblocking(False)
        self.ringer = ringer
        signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self.count_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(self.bell, selectors.EVENT_READ)

    def count_stop(self, *_: object) -> None:
        """Count a request to stop; the same one may reach us twice, from the terminal and through make."""
        now = time.monotonic()
        if now - self.last_asked > ONE_REQUEST:
            self.asked_to_stop += 1
            self.last_asked = now

    def add(self, program: Program, *, echo: bool = True) -> Child:
        """Start one more child and keep it running."""
        child = Child(program, self.logs, echo=echo)
        self.children.append(child)
        self.start(child)
        return child

    def start(self, child: Child) -> None:
        reader, writer = os.pipe()
        try:
            child.process = launch(child.program, self.records, writer)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        child.started = time.monotonic()
        self.selector.register(reader, selectors.EVENT_READ, child)

    def run(self) -> None:
        """Supervise until somebody asks us to stop."""
        while not self.asked_to_stop:
            self.turn()

    def wait_for(self, condition: Callable[[], bool], child: Child, seconds: float) -> bool:
        """Supervise until `condition` holds; False when `child` dies or the time is over. Raises Stop."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert child.process is not None
            if child.process.poll() is not None or time.monotonic() > deadline:
                self.drain()
                return False
            self.turn(longest=0.05, revive=False)
            self.check_stop()
        return True

    def check_stop(self) -> None:
        if self.asked_to_stop:
            raise Stop

    def turn(self, longest: float = 1.0, *, revive: bool = True) -> None:
        """Wait for the next thing to happen, at most `longest` seconds, and deal with it."""
        waits = [child.due - time.monotonic() for child in self.children if child.due]
        self.drain(max(0.0, min([longest, *waits])))
        for child in self.children if revive and not self.asked_to_stop else ():
            self.restart_if_dead(child)

    def drain(self, timeout: float = 0.0) -> None:
        """Pass on what the children said."""
        for key, _ in self.selector.select(timeout):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self.bell.recv(CHUNK)
                continue
            data = os.read(key.fd, CHUNK)
            if data:
                key.data.write_output(data)
            else:
                self.selector.unregister(key.fd)
                os.close(key.fd)

    def restart_if_dead(self, child: Child) -> None:
        """Plan a new start for a child that died, and start it when its time has come."""
        process = child.process
        if process is not None and process.poll() is not None:
            kill_group(process.pid)
            child.process = None
            delay = child.next_delay()
            child.due = time.monotonic() + delay
            say(f"{child.program.name} ended ({ending(process.returncode)}); it starts again in {delay:.1f} s.")
        if child.process is None and child.due and child.due <= time.monotonic():
            child.due = 0.0
            self.start_again(child)

    def start_again(self, child: Child) -> None:
        """Start a child that died; when even that fails, try again later."""
        try:
            self.start(child)
        except (OSError, CannotStart) as error:
            child.due = time.monotonic() + LONGEST_DELAY
            say(f"{child.program.name} cannot start ({error}); next try in {LONGEST_DELAY:.0f} s.")

    def stop(self, together: tuple[str, ...] = ()) -> None:
        """End all children, those named in `together` at once, then the others from the last to the first.

        A further request to stop while this runs kills what is left.
        """
        asked = self.asked_to_stop
        first = [child for child in self.children if child.program.name in together]
        others = [child for child in reversed(self.children) if child not in first]
        for group in (first, *([child] for child in others)):
            self.end_group(group, asked)
        signal.set_wakeup_fd(-1)
        for child in self.children:
            child.handler.close()

    def end_group(self, group: list[Child], asked: int) -> None:
        alive = [child for child in group if child.process and child.process.poll() is None]
        for child in alive:
            assert child.process is not None
            child.process.send_signal(child.program.stop_signal)
        deadline = time.monotonic() + max((child.program.patience for child in alive), default=0.0)
        while any(child.process and child.process.poll() is None for child in alive):
            if time.monotonic() > deadline or self.asked_to_stop > asked:
                break
            self.drain(0.05)
        for child in group:
            if child.process:
                self.finish(child)

    def finish(self, child: Child) -> None:
        """Kill what did not end by itself; PostgreSQL is asked once more, for it cleans up after its own."""
        assert child.process is not None
        if child.process.poll() is None and child.program.name == "postgres":
            child.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(5)
        end(child.process, child.program, force=True)
        forget(child.program, self.records)
        self.drain()


def ending(code: int) -> str:
    """How a process ended, in words."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def python(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our own commands."""
    return (sys.executable, "manage.py", *arguments)
