"""`manage.py check_invariants`: what must always be true of runs; a line for each that is not, and exit code 1."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from runs.engine.invariants import INVARIANTS, violations


class Command(BaseCommand):
    help = "Check that no run is stranded, no event is missing and every counter is right."

    def handle(self, **options: object) -> None:
        found = 0
        for invariant in INVARIANTS:
            rows = violations(invariant)
            found += len(rows)
            for row in rows:
                self.stdout.write(f"{invariant.name}: {row}")
        if found:
            raise CommandError(f"{found} violations.")
        self.stdout.write(f"{len(INVARIANTS)} invariants hold.")
