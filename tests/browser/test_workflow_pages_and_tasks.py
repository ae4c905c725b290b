"""The figures of a workflow, its way out as a file and back in, a second editor, and a run that executes elsewhere."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_figures_come_with_the_page_and_change_their_range(open_as, stack):
    stack.finished("steady", inputs={"seconds": 0})
    page = open_as("vera", f"workflows/{stack.seeded['workflows']['steady']}/")
    figures = page.locator("#workflow-figures")
    expect(figures).to_contain_text("Last 30 days")
    expect(figures.locator("bar-chart#workflow-outcomes canvas")).to_be_visible()
    figures.get_by_role("link", name="24 hours").click()
    expect(page.locator("#workflow-figures")).to_contain_text("Last 24 hours")
    expect(page.locator("#workflow-figures")).to_contain_text("Success")
    expect(page).to_have_url(re.compile(r"/workflows/\d+/$"))


def test_a_workflow_leaves_as_a_file_and_comes_back_under_another_name(open_as, stack, tmp_path):
    page = open_as("erin", f"workflows/{stack.seeded['workflows']['steady']}/")
    page.locator("summary[aria-label=More]").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as JSON").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name.startswith("steady-v")

    page.goto("/p/acme/workflows/import")
    page.get_by_label("Exported file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".field__error")).to_contain_text("There is a workflow “steady” in this project already.")
    page.get_by_label("Exported file").set_input_files(file)
    page.get_by_label("Name here").fill("steady-again")
    page.get_by_role("button", name="Import").click()
    expect(page).to_have_url(re.compile(r"/workflows/\d+/draft$"))
    expect(page.locator(".page-header")).to_contain_text("steady-again")


def test_of_two_editors_the_second_one_is_told_and_chooses(open_as, stack):
    path = f"workflows/{stack.seeded['workflows']['fan']}/details"
    first, second = open_as("erin", path), open_as("alice", path)
    first.get_by_label("Description").fill("by erin")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first).to_have_url(re.compile(r"/workflows/\d+/$"))
    second.get_by_label("Description").fill("by alice")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.locator(".notice")).to_contain_text("erin changed this workflow")
    expect(second.get_by_label("Description")).to_have_value("by alice")
    second.get_by_role("button", name="Save mine over it").click()
    expect(second.locator(".page-header")).to_contain_text("by alice")


def test_a_run_that_executes_elsewhere_stands_among_the_others(open_as, stack):
    task = stack.api("tasks", {"task": "seo-validate", "log_excerpt": "128 pages", "heartbeat_seconds": 3600})
    page = open_as("bob", "runs/?trigger=external")
    row = page.locator("#list tbody tr", has_text=f"#{task['id']}")
    expect(row).to_contain_text("seo-validate")
    row.get_by_role("link", name=f"#{task['id']}").click()
    expect(page.locator("#run-summary")).to_contain_text("executes elsewhere, reported here")
    expect(page.locator("#run-summary")).not_to_contain_text("Pause")
    page.get_by_role("link", name="Logs").click()
    expect(page.locator("main")).to_contain_text("128 pages")
