"""The worker process: executes steps."""

from __future__ import annotations

import os
import socket
import warnings
from typing import Any

from celery.platforms import SecurityWarning
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from controlplane.embedded.reloading import follow_sources
from controlplane.env import env_int

THREADS = 50
LONGEST_NAME = 80
# What workers tell each other serves a cluster view that we take from the database instead.
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Command(BaseCommand):
    help = "Execute steps: with threads, for work that waits; with --cpu in processes, for work that computes."
    # `check` does this; here it would only cost time and load every page at each start.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cpu", action="store_true", help="Processes instead of threads, for the queue `cpu`.")
        parser.add_argument("--queues", default="", help="Comma list; by default `default,cpu`, with --cpu `cpu`.")
        parser.add_argument("--concurrency", type=int, default=env_int("WORKER_CONCURRENCY", 0))

    def handle(self, *, cpu: bool, queues: str, concurrency: int, **options: Any) -> None:
        pool, queue = ("prefork", "cpu") if cpu else ("threads", "default,cpu")
        slots = concurrency or (os.cpu_count() or 1 if cpu else THREADS)
        if len(settings.ENGINE_WORKER_NAME) > LONGEST_NAME or {*"/#"} & {*settings.ENGINE_WORKER_NAME}:
            raise CommandError(f"SPARKOPS_WORKER_NAME has at most {LONGEST_NAME} characters, and neither / nor #.")
        name = settings.ENGINE_WORKER_NAME or f"{pool}-{os.getpid()}@{socket.gethostname()}"
        app = import_string("controlplane.celery.app")
        # It warns root of pickled messages; ours are JSON with an id in it.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        chosen = [f"--pool={pool}", f"--concurrency={slots}", f"--queues={queues or queue}", f"--hostname={name}"]
        if settings.DEBUG:
            follow_sources()
        app.worker_main(["--quiet", "worker", "--prefetch-multiplier=1", "--loglevel=INFO", *ALONE, *chosen])
