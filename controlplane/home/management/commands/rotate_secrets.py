"""After a new key was put first into SPARKOPS_SECRETS_KEYS: seal everything with it, so that the old one can go."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from agents.actions import rotate_instance_urls
from controlplane.domain.words import counted
from controlplane.projects.actions import rotate_secrets
from controlplane.projects.people.accounts import rotate_second_factors
from controlplane.projects.people.sessions import seal_sessions_anew
from controlplane.projects.secrets.encryption import Unreadable


class Command(BaseCommand):
    help = (
        "Encrypt secrets, instance addresses, second factors and sessions anew with the first of SPARKOPS_SECRETS_KEYS."
    )

    def handle(self, **options: object) -> None:
        try:
            secrets, addresses, factors = rotate_secrets(), rotate_instance_urls(), rotate_second_factors()
            sessions = seal_sessions_anew()
        except Unreadable as error:
            raise CommandError(f"{error} Put the old key back behind the new one and run this again.") from error
        kinds = {
            "secrets": secrets, "instance addresses": addresses, "second factors": factors, "sessions": sessions
        }  # fmt: skip
        self.stdout.write(f"Encrypted anew: {', '.join(counted(number, kind) for kind, number in kinds.items())}.")
