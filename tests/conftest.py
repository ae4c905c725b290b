"""What every test may use, and what the report says when something could not be tested."""

from __future__ import annotations

import shutil

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings

from runs.engine.plan import plan_of_test_run, plan_of_version
from tests.emptying import delete_instead_of_truncating

# How long an example takes depends on what else the machine does; speed is measured by the bench.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["tests.world"]
delete_instead_of_truncating()

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The path of the system's Chromium, or None."""
    return next((path for path in map(shutil.which, CHROMIUM) if path), None)


@pytest.fixture(scope="session", autouse=True)
def static_files_on_demand():
    """Else WhiteNoise lists every static file for each new test client, which takes longer than most tests."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True)
def plans_of_their_own():
    """A process keeps the plans of versions, whose numbers are never given twice; those of rolled back rows are."""
    plan_of_version.cache_clear()
    plan_of_test_run.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium():
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not chromium():
        terminalreporter.section("NO CHROMIUM: THE BROWSER TESTS WERE SKIPPED", red=True, bold=True)
        terminalreporter.line("Install it (Debian: apt-get install chromium) and run again.")
