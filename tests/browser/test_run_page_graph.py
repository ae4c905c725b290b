"""The graph of a run: coloured as its steps go, led through by mouse and by keyboard, there without a script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_boxes_change_while_the_run_goes_on(open_as, stack):
    page = open_as("bob", f"runs/{stack.run('steady', inputs={'seconds': 2})}/")
    graph = page.locator("#run-graph")
    expect(graph.get_by_role("link", name="report Succeeded, tool:echo")).to_be_visible()
    expect(graph.locator(".tone-success")).to_have_count(3)


def test_a_box_opens_its_step_beside_the_timeline(open_as, stack):
    page = open_as("bob", f"runs/{stack.finished('broken')}/")
    page.evaluate("window.sameDocument = true")
    box = page.get_by_role("link", name="begin Succeeded, noop")
    box.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#step-panel").get_by_role("heading", name="begin")).to_be_visible()
    expect(box).to_have_attribute("aria-current", "true")
    expect(page.locator(".step-graph__node[aria-current]")).to_have_count(1)
    expect(page.locator(".timeline__row[aria-current]")).to_contain_text("begin")
    assert page.evaluate("window.sameDocument === true")
    page.get_by_role("link", name="store Failed, tool:store").click()
    expect(page.locator("#step-panel").get_by_role("heading", name="store")).to_be_visible()


def test_without_a_script_a_box_leads_to_the_page_of_its_step(open_as, stack):
    page = open_as("bob", f"runs/{stack.finished('broken')}/", java_script_enabled=False)
    page.get_by_role("link", name="store Failed, tool:store").click()
    expect(page).to_have_url(re.compile(r"/steps/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("store")
