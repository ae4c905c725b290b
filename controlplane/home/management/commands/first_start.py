"""What a new installation needs before somebody can use it: an administrator, and something to look at."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from controlplane.env import env, env_bool
from controlplane.home.demo import create_demo, keep_up_demo
from controlplane.projects.actions import create_project
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import SYSTEM

ADMIN = "admin"


class Command(BaseCommand):
    help = "Create the administrator and the demo project, unless there are administrators and projects already."

    def handle(self, **options: object) -> None:
        admin = User.objects.filter(is_superuser=True).order_by("pk").first() or self.create_administrator()
        if not Project.objects.exists():
            create_first_project(admin)
        else:
            keep_up_demo()

    def create_administrator(self) -> User:
        """The account `admin`; its password is the one in the environment, or a new one that is shown this once."""
        given = env("SPARKOPS_ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(15)
        admin = User.objects.create_superuser(ADMIN, email="", password=password)
        if not given:
            path = keep_password(password)
            self.stdout.write(f"ADMIN_PASSWORD_CREATED Sign in as {ADMIN} with the password {password}")
            self.stdout.write(f"It is also in {path}, which you may delete.")
        return admin


def keep_password(password: str) -> str:
    """Write it where only the owner of the data folder can read it; the path."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    path = settings.DATA_DIR / "admin-password"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    return str(path)


def create_first_project(admin: User) -> None:
    """The demo, which makes its own project, or an empty one."""
    if env_bool("SPARKOPS_DEMO", default=True):
        create_demo()
    else:
        create_project(slug="demo", name="Demo", by=SYSTEM, owner=admin)
