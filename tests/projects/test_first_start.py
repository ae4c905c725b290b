"""What a new installation gets: an administrator and a project, once."""

from __future__ import annotations

import stat
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from controlplane.projects.models import Member, Project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.delenv("SPARKOPS_ADMIN_PASSWORD", raising=False)
    monkeypatch.setenv("SPARKOPS_DEMO", "0")


def first_start() -> str:
    output = StringIO()
    call_command("first_start", stdout=output)
    return output.getvalue()


def test_it_makes_an_administrator_whose_password_is_told_once(settings):
    told = first_start()
    path = settings.DATA_DIR / "admin-password"
    password = path.read_text().strip()
    assert told.startswith("ADMIN_PASSWORD_CREATED")
    assert password in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    admin = User.objects.get(username="admin")
    assert admin.is_superuser
    assert admin.check_password(password)


def test_it_does_nothing_the_second_time():
    first_start()
    assert first_start() == ""
    assert (User.objects.count(), Project.objects.count()) == (1, 1)


def test_it_takes_the_given_password_and_keeps_quiet(monkeypatch, settings):
    monkeypatch.setenv("SPARKOPS_ADMIN_PASSWORD", "correct-horse-battery")
    assert first_start() == ""
    assert User.objects.get().check_password("correct-horse-battery")
    assert not (settings.DATA_DIR / "admin-password").exists()


def test_without_the_demo_there_is_an_empty_project_of_the_administrator():
    first_start()
    member = Member.objects.get()
    assert (member.project.slug, member.user.username, member.role) == ("demo", "admin", "admin")


def test_the_demo_comes_by_default(monkeypatch):
    monkeypatch.delenv("SPARKOPS_DEMO")
    first_start()
    demo = Project.objects.get()
    assert demo.slug == "demo"
    assert demo.workflows.filter(current__isnull=False).count() == 3
    assert demo.runs.count() == 1


def test_it_leaves_what_exists_alone(world):
    User.objects.create_superuser("root", password="correct-horse-battery")
    assert first_start() == ""
    assert set(Project.objects.values_list("slug", flat=True)) == {"acme", "globex"}
