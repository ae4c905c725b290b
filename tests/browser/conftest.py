"""A Chromium before the portal as it runs in production, signed in as whom the test names.

Nothing here touches Django's database connection: what tests arrange, they arrange over the JSON API.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.stack import Stack, running_stack
from tests.conftest import chromium

WIDE = {"width": 1440, "height": 900}
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    name = f"browser_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}_{os.getpid()}"
    with running_stack(tmp_path_factory.mktemp("stack"), name) as stack:
        yield stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for the folder: while Playwright runs, Django takes every thread for that of an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_as(stack: Stack, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_as("bob", "runs/")` is a page of Acme, signed in; None for nobody. The test fails when a script of it does.

    Further arguments are those of a browser context, such as `viewport`.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(name: str | None, path: str = "", **options) -> Page:
        context = browser.new_context(base_url=stack.url, **{"viewport": WIDE, "reduced_motion": "reduce", **options})
        contexts.append(context)
        if name:
            context.add_cookies([{"name": "sessionid", "value": stack.sessions[name], "url": stack.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"/p/acme/{path}" if name else f"/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
