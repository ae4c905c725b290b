"""Acting on many rows: shown first, asked once, done with an outcome a row, and taken back."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import FINAL, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def bar(page: Page):
    return page.locator("[data-bulk-bar]")


def dialog(page: Page):
    return page.get_by_role("dialog")


def test_the_preview_says_who_is_refused_and_escape_changes_nothing(open_as, stack):
    final, live = stack.finished("fan", tags=["preview"]), stack.toiling(tags=["preview"])
    page = open_as("bob", "runs/?tag=preview")
    page.get_by_label("Select all on this page").check()
    bar(page).get_by_role("button", name="Cancel", exact=True).click()
    expect(dialog(page)).to_contain_text("1 of 2 selected are eligible")
    expect(dialog(page)).to_contain_text(re.compile(rf"It has ended already\.\s+\({final}\)"))
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert stack.api(f"runs/{live}")["status"] == "running"
    bar(page).get_by_role("button", name="Cancel", exact=True).click()
    dialog(page).get_by_role("button", name="Cancel 1 run", exact=True).click()
    expect(page.locator("#list-outcome")).to_contain_text("Cancel: 1 done, 1 refused.")
    eventually(lambda: stack.api(f"runs/{live}")["status"] == "cancelled")


def test_tags_are_added_and_taken_back(open_as, stack):
    runs = [stack.finished("fan", tags=["tagging"]) for _ in range(2)]
    page = open_as("bob", "runs/?tag=tagging")
    page.get_by_label("Select all on this page").check()
    bar(page).get_by_role("button", name="Tag", exact=True).click()
    dialog(page).get_by_label("Tags").fill("one, two")
    dialog(page).get_by_role("button", name="Tag 2 runs").click()
    expect(page.locator("#list-outcome")).to_contain_text("Tag: 2 done.")
    assert [stack.api(f"runs/{pk}")["tags"] for pk in runs] == [["tagging", "one", "two"]] * 2
    page.locator("#list-outcome").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undo tag for: 2 done.")).to_be_visible()
    assert [stack.api(f"runs/{pk}")["tags"] for pk in runs] == [["tagging"]] * 2


def newest(stack) -> list[dict[str, Any]]:
    """Those that the next retry is of."""
    return stack.api("runs?tag=many&limit=200")["results"]


def test_many_rows_are_done_in_the_background_with_a_result_to_download(open_as, stack):
    made = [stack.finished("fan", tags=["many"])]
    # Retries double them: 2, 4, … 256.
    while len(made) < 200:
        retried = stack.api("runs/bulk", {"action": "retry_run", "ids": made})
        assert [row for row in retried["rows"] if row["detail"]] == []
        eventually(lambda: {run["status"] for run in newest(stack)} <= FINAL)
        made = [run["id"] for run in newest(stack)]
    page = open_as("bob", "runs/?tag=many&limit=25")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name=re.compile("Select all .* matching")).click()
    bar(page).get_by_role("button", name="Tag", exact=True).click()
    dialog(page).get_by_label("Tags").fill("done")
    dialog(page).get_by_role("button", name=re.compile("Tag 2.. runs")).click()
    expect(page).to_have_url(re.compile(r"/operations/\d+/"))
    expect(page.locator("#operation")).to_contain_text("Succeeded")
    with page.expect_download() as download:
        page.get_by_role("link", name="Result as CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) > 200
    assert {line["status"] for line in lines} == {"done"}
    page.goto("/p/acme/operations/")
    expect(page.get_by_role("link", name=re.compile("Tag 2.. runs"))).to_be_visible()


def test_without_script_the_preview_is_a_page(open_as, stack):
    pk = stack.finished("fan", tags=["unscripted"])
    page = open_as("bob", "runs/?tag=unscripted", java_script_enabled=False)
    page.get_by_label(f"Select {pk}", exact=True).check()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_role("heading", name="Retry 1 run?")).to_be_visible()
    page.get_by_role("button", name="Retry 1 run", exact=True).click()
    expect(page.get_by_text("Retry: 1 done.")).to_be_visible()
    expect(page.locator("#list tbody tr")).to_have_count(2)
