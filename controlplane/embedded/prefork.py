"""One parent, several web processes: they share the memory of what was loaded before, and one listening socket."""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.embedded.processes import die_with_parent

# A process that lived this long died for a new reason; one that did not is waited for longer each time. Seconds.
SETTLED, FIRST_DELAY, LONGEST_DELAY = 10.0, 0.1, 30.0
# A replacement that is not ready by then leaves the old process where it is.
READY_SECONDS = 60.0
ASKED_TO_LEAVE = (signal.SIGTERM, signal.SIGINT)
HEARD = (*ASKED_TO_LEAVE, signal.SIGHUP, signal.SIGCHLD)


@dataclass
class Forked:
    """One process. `ready` is what it writes a byte to once it accepts connections."""

    pid: int
    ready: socket.socket
    started: float = field(default_factory=time.monotonic)
    is_ready: bool = False


class Prefork:
    """Keeps `count` processes in which `serve(ready)` runs, and starts another for each that dies.

    SIGTERM or SIGINT ends them, a second one at once; SIGHUP replaces each by a new one without refusing a connection.
    The caller must have neither threads nor connections: a forked process would share them.
    """

    def __init__(self, serve: Callable[[Callable[[], None]], int], count: int) -> None:
        self.serve, self.count = serve, count
        self.children: dict[int, Forked] = {}
        self.leaving: set[int] = set()
        self.is_ending = False
        self.replacing: float | None = None
        self.failures, self.due = 0, 0.0
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until somebody asks it to end and all are gone."""
        self.bell, self.ringer = socket.socketpair()
        for end in (self.bell, self.ringer):
            end.setblocking(False)
        self.selector.register(self.bell, selectors.EVENT_READ, self.hear)
        signal.set_wakeup_fd(self.ringer.fileno(), warn_on_full_buffer=False)
        for signum in HEARD:
            signal.signal(signum, lambda *_: None)
        gc.freeze()
        while not (self.is_ending and not self.children):
            self.fill_up()
            for key, _ in self.selector.select(self.patience()):
                key.data()
            self.reap()
            self.replace()

    def patience(self) -> float | None:
        """Seconds until the next thing to do that no signal tells of."""
        times = [self.due] if self.due else []
        if self.replacing is not None:
            times.append(self.replacing + READY_SECONDS)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def fill_up(self) -> None:
        if self.is_ending or time.monotonic() < self.due:
            return
        self.due = 0.0
        while len(self.children) - len(self.leaving) < self.count:
            self.fork()

    def fork(self) -> None:
        ours, theirs = socket.socketpair()
        arrange = die_with_parent(signal.SIGKILL)
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            self.become_a_child(theirs, arrange)
        theirs.close()
        ours.setblocking(False)
        child = self.children[pid] = Forked(pid, ours)
        self.selector.register(ours, selectors.EVENT_READ, lambda: self.mark_ready(child))

    def become_a_child(self, ready: socket.socket, arrange: Callable[[], None] | None) -> None:
        """Never returns: what the parent would clean up at its end is not this one's."""
        code = 1
        try:
            if arrange:
                arrange()
            signal.set_wakeup_fd(-1)
            for signum in HEARD:
                signal.signal(signum, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            self.selector.close()
            for end in (self.bell, self.ringer, *(child.ready for child in self.children.values())):
                end.close()
            code = self.serve(lambda: _tell(ready))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def mark_ready(self, child: Forked) -> None:
        child.is_ready = True
        self.selector.unregister(child.ready)

    def hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for signum in self.bell.recv(1024):
                if signum in ASKED_TO_LEAVE:
                    self.is_ending = True
                    self.ask_to_leave(list(self.children))
                elif signum == signal.SIGHUP and not self.is_ending and self.replacing is None:
                    self.replacing = time.monotonic()
                    self.old = set(self.children) - self.leaving
                    for _ in range(self.count):
                        self.fork()

    def ask_to_leave(self, pids: list[int]) -> None:
        for pid in pids:
            self.leaving.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def replace(self) -> None:
        """Let the old ones go once all new ones accept connections; the new ones when they do not in time."""
        if self.replacing is None:
            return
        new = [child for pid, child in self.children.items() if pid not in self.old | self.leaving]
        if all(child.is_ready for child in new) and len(new) >= self.count:
            self.ask_to_leave([pid for pid in self.old if pid in self.children])
        elif time.monotonic() > self.replacing + READY_SECONDS:
            self.ask_to_leave([child.pid for child in new])
        else:
            return
        self.replacing = None

    def reap(self) -> None:
        for pid in list(self.children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.forget(self.children.pop(pid), os.waitstatus_to_exitcode(status))

    def forget(self, child: Forked, code: int) -> None:
        if not child.is_ready:
            self.selector.unregister(child.ready)
        child.ready.close()
        if child.pid in self.leaving:
            self.leaving.discard(child.pid)
            return
        settled = time.monotonic() - child.started > SETTLED
        self.failures = 1 if settled else self.failures + 1
        delay = min(LONGEST_DELAY, FIRST_DELAY * 4 ** (self.failures - 1))
        self.due = time.monotonic() + delay
        print(f"A web process ended ({code}); another starts in {delay:.1f} s.", flush=True)


def _tell(ready: socket.socket) -> None:
    with contextlib.suppress(OSError):
        ready.send(b".")
    ready.close()
