"""A browser, and a site of test pages that loads the portal's own built scripts and styles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import chromium
from tests.ui.site import Site
from tests.ui.templates import ROOT

DIST = ROOT / "static/dist"


@pytest.fixture(scope="session")
def dist() -> Path:
    assert (DIST / "app.js").exists(), "build the static files first: make static"
    return DIST


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for the folder: while Playwright runs, Django takes every thread for that of an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(dist: Path) -> Iterator[Site]:
    with Site(dist) as site:
        yield site


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when a script of it fails."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert faults == []
