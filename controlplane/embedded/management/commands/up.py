"""Start everything on this machine; see `controlplane.embedded.up`, which needs no Django."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from controlplane.embedded.up import main


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey and the portal on this machine, and keep them running."
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        sys.exit(main([]))
