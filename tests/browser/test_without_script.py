"""What a browser without JavaScript can still do."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_list_filters_and_leads_to_a_run_with_its_steps(open_as, stack):
    pk = stack.finished("broken", tags=["plain"])
    page = open_as("bob", "runs/?tag=plain", java_script_enabled=False)
    page.get_by_role("searchbox").fill("broken")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("q=broken"))
    page.locator("#list tbody").get_by_role("link", name=f"#{pk}", exact=True).click()
    expect(page.locator("#run-summary")).to_contain_text("The disk is full.")
    page.locator(".timeline__row", has_text="begin").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("begin")


def test_a_run_is_started_and_cancelled_with_plain_forms(open_as, stack):
    path = f"runs/new?workflow={stack.seeded['workflows']['steady']}"
    page = open_as("bob", path, java_script_enabled=False)
    page.get_by_label("Seconds").fill("120")
    page.get_by_role("button", name="Start run").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#run-summary")).to_contain_text("asked to cancel")
