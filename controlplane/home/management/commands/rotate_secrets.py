"""After a new key was put first into SPARKOPS_SECRETS_KEYS: seal everything with it, so that the old one can go."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from agents.actions import rotate_instance_urls
from controlplane.projects.actions import rotate_secrets
from controlplane.projects.encryption import Unreadable


class Command(BaseCommand):
    help = "Encrypt project secrets and instance addresses anew with the first key of SPARKOPS_SECRETS_KEYS."

    def handle(self, **options: object) -> None:
        try:
            secrets, addresses = rotate_secrets(), rotate_instance_urls()
        except Unreadable as error:
            raise CommandError(f"{error} Put the old key back behind the new one and run this again.") from error
        self.stdout.write(f"Encrypted anew: {secrets} secrets, {addresses} instance addresses.")
