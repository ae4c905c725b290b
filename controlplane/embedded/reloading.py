"""`make dev`: a process whose sources changed ends, and the supervisor starts it anew; templates are read again."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from django.template import autoreload
from django.utils.autoreload import iter_all_python_module_files

from controlplane.embedded.folders import REPOSITORY

EVERY_SECONDS = 0.5
TEMPLATES = REPOSITORY / "templates"
Times = dict[Path, float]


def follow_sources() -> None:
    """Look twice a second, beside the work. Ends this process as Ctrl-C in `up` would: what it does is finished."""
    threading.Thread(target=follow, name="reloading", daemon=True).start()


def follow() -> None:
    code, pages = times_of(modules()), times_of(TEMPLATES.rglob("*.html"))
    while True:
        time.sleep(EVERY_SECONDS)
        # What was imported since is followed from now on.
        code = times_of(modules() - code.keys()) | code
        if changed := [path for path, at in times_of(code).items() if at != code[path]]:
            print(f"{changed[0].relative_to(REPOSITORY)} has changed: starting again.", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if (now := times_of(TEMPLATES.rglob("*.html"))) != pages:
            pages = now
            autoreload.reset_loaders()


def modules() -> set[Path]:
    """Our own files that were imported."""
    return {path for path in iter_all_python_module_files() if path.is_relative_to(REPOSITORY) and not is_hidden(path)}


def is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts)


def times_of(paths: Iterable[Path]) -> Times:
    """When each was written; 0 for one that is not there, as an editor may have it for a moment."""
    return {path: path.stat().st_mtime if path.exists() else 0 for path in paths}
