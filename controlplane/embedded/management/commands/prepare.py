"""Bring the database to this version of the portal: its schema, then what a first start needs."""

from __future__ import annotations

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Apply what is missing of the schema, then make the administrator and the demo if this is the first start."
    # `check` does this; here it would only cost time and load every page at each start.
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        """Progress goes to the error stream, what a person must read to the output."""
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            self.stderr.write(f"Applying {len(missing)} migrations.")
            call_command("migrate", interactive=False, verbosity=0)
        if "first_start" in get_commands():
            call_command("first_start", stdout=self.stdout)
