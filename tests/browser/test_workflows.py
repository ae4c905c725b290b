"""A workflow from its first line to its second version."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.editor import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ONE_STEP = "steps:\n  - key: one\n    uses: noop\n"


def test_a_mistake_shows_at_its_line_and_goes_when_it_is_mended(open_as, stack):
    page = open_as("erin", f"workflows/{stack.seeded['workflows']['fan']}/draft")
    page.get_by_label("Syntax").select_option("yaml")
    write(page, "Specification", "steps:\n  - key: one\n    uses: tool:nowhere\n")
    problem = page.locator(".code-editor__problems li")
    expect(problem).to_have_count(1)
    expect(problem).to_contain_text("3")
    expect(problem).to_contain_text("nowhere")
    expect(page.locator(".cm-lintRange-error")).to_be_visible()
    write(page, "Specification", ONE_STEP)
    expect(problem).to_have_count(0)
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_it_is_written_saved_released_changed_and_compared(open_as, stack):
    page = open_as("erin", "workflows/new")
    page.get_by_label("Name").fill("fresh")
    page.get_by_label("Syntax").select_option("yaml")
    write(page, "Specification", ONE_STEP)
    page.get_by_role("button", name=re.compile("Create|Save")).first.click()
    expect(page).to_have_url(re.compile(r"/workflows/\d+/"))
    address = re.search(r"/p/acme/workflows/\d+/", page.url)[0]
    release(page, address)

    page.goto(f"{address}draft")
    write(page, "Specification", f"{ONE_STEP}  - key: two\n    uses: noop\n    needs: [one]\n")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#draft-state")).to_contain_text("Version 2, a draft saved by erin")
    release(page, address)

    page.goto(f"{address}diff?from=1&to=2")
    expect(page.locator(".diff__side--added")).to_have_count(3)
    expect(page.locator(".diff__side--added").first).to_contain_text("two")


def release(page: Page, address: str) -> None:
    page.goto(f"{address}draft/release")
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.locator(".page-header")).to_contain_text("Released")


def test_a_draft_with_faults_is_kept_but_not_released(open_as, stack):
    page = open_as("erin", f"workflows/{stack.seeded['workflows']['lingering']}/draft")
    page.get_by_label("Syntax").select_option("yaml")
    write(page, "Specification", "steps:\n  - key: one\n    uses: tool:nowhere\n")
    page.get_by_role("button", name="Save and release").click()
    expect(page.locator("#draft-state [role=alert], #draft-state .notice")).to_contain_text("nowhere")
    expect(page).to_have_url(re.compile("/draft$"))
