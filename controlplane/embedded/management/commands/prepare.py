"""Bring the database to this version of the portal: its schema, then what a first start needs."""

from __future__ import annotations

from django.core import checks
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Apply what is missing of the schema, then make the administrator and the demo if this is the first start."
    # All of them would load every page at each start; those of the database follow below, once it is up to date.
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        """Progress goes to the error stream, what a person must read to the output. Raises CommandError."""
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            self.stderr.write(f"Applying {len(missing)} migrations.")
            call_command("migrate", interactive=False, verbosity=0)
        self.check_database()
        if "first_start" in get_commands():
            call_command("first_start", stdout=self.stdout)

    def check_database(self) -> None:
        """Show what Django has to say of this server and its tables. An error ends the start."""
        found = checks.run_checks(tags=[checks.Tags.models, checks.Tags.database], databases=[connection.alias])
        for message in found:
            self.stderr.write(str(message))
        if any(message.is_serious() for message in found):
            raise CommandError("The database does not keep what the portal relies on; see above.")
