"""Everything can be done without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FOCUSED = "document.activeElement"
ENOUGH = 60


def tab_to(page: Page, text: str) -> None:
    """Press Tab until the focus is on what reads `text`, which must be visibly marked."""
    for _ in range(ENOUGH):
        page.keyboard.press("Tab")
        if page.evaluate(f"({FOCUSED}.textContent || '').trim().replace(/\\s+/g, ' ')") == text:
            assert is_marked(page), f"{text} has the focus, but nobody can see it"
            return
    raise AssertionError(f"Tab never reached {text!r}")


def is_marked(page: Page) -> bool:
    return page.evaluate(f"""() => {{
      const look = getComputedStyle({FOCUSED});
      return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0 || look.boxShadow !== "none";
    }}""")


def test_signing_in_opening_a_run_and_cancelling_it_need_no_mouse(open_as, stack):
    pk = stack.toiling()
    page = open_as(None, "accounts/login/")
    page.get_by_label("Username or email").focus()
    page.keyboard.type("bob")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    tab_to(page, "Runs")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/acme/runs/$"))
    expect(page.locator("#list tbody tr").first).to_contain_text(str(pk))
    tab_to(page, f"#{pk}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{pk}/$"))

    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="No, go back")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(f"{FOCUSED} === document.body || Boolean({FOCUSED}.closest('dialog'))")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    assert stack.api(f"runs/{pk}")["status"] == "running"

    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Yes, cancel").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#run-summary .status-badge").first).to_have_text("Cancelled")


def test_the_first_tab_leads_past_the_navigation(open_as):
    page = open_as("bob", "runs/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUSED}.id") == "main"
