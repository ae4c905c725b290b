"""A replay, seen before it is done: what is reused and what is not changes with every choice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_run_is_replayed_from_a_step_with_other_inputs(open_as, stack):
    pk = stack.finished("steady", inputs={"seconds": 0})
    page = open_as("bob", f"runs/{pk}/")
    page.locator(".timeline__row", has_text="toil").click()
    expect(page.locator("#step-panel").get_by_role("heading", name="toil")).to_be_visible()
    page.get_by_role("link", name="Replay from here").click()
    preview = page.locator("#replay-preview")
    expect(page.get_by_label("Begin at")).to_have_value("toil")
    expect(preview).to_contain_text("1 reused, 2 run again.")
    page.get_by_label("Begin at").select_option("report")
    expect(preview).to_contain_text("2 reused, 1 run again.")
    page.get_by_label("Inputs, as JSON").fill('{"seconds": 1, "colour": "red"}')
    page.get_by_label("Inputs, as JSON").blur()
    expect(preview).to_contain_text("it reads seconds, which changed")
    page.get_by_role("button", name="Replay").click()
    expect(page).not_to_have_url(re.compile("replay$"))
    expect(page.locator("#run-summary")).to_contain_text(f"Run {pk}")
    expect(page.locator("#run-summary .status-badge").first).to_have_text("Succeeded")
    expect(page.locator(".timeline__row", has_text="announce")).to_contain_text("reused")
    page.get_by_role("link", name=f"Run {pk}").click()
    expect(page.locator("#run-summary")).to_contain_text("Run again as")


def test_a_wrong_input_is_told_before_anything_starts(open_as, stack):
    pk = stack.finished("steady", inputs={"seconds": 0})
    page = open_as("bob", f"runs/{pk}/replay", java_script_enabled=False)
    page.get_by_label("Inputs, as JSON").fill('{"seconds": "soon"}')
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("This cannot be replayed so")).to_be_visible()
    expect(page.get_by_label("Inputs, as JSON")).to_have_value('{"seconds": "soon"}')
