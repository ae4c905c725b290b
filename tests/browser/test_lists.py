"""The list of runs: narrowed, exported, and acted on in bulk."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def rows(page: Page):
    return page.locator("#list tbody tr")


def choose(page: Page, menu: str, option: str) -> None:
    panel = page.locator("#list-filters details", has=page.locator("summary", has_text=menu))
    panel.locator("summary").click()
    panel.get_by_label(option, exact=True).check()
    page.keyboard.press("Escape")


def test_filters_become_chips_and_an_address_and_the_back_button_goes_back(open_as, stack):
    stack.finished("broken", tags=["filtering"])
    good = stack.finished("fan", tags=["filtering"])
    page = open_as("bob", "runs/?tag=filtering")
    expect(rows(page)).to_have_count(2)
    choose(page, "Status", "Succeeded")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(str(good))
    expect(page).to_have_url(re.compile("status=succeeded"))
    expect(page.locator(".chip", has_text="Succeeded")).to_be_visible()

    page.get_by_role("link", name=re.compile("Remove the filter Status")).click()
    expect(rows(page)).to_have_count(2)
    page.go_back()
    expect(page).to_have_url(re.compile("status=succeeded"))
    expect(rows(page)).to_have_count(1)
    page.go_back()
    expect(rows(page)).to_have_count(2)
    expect(page).not_to_have_url(re.compile("status="))


def test_the_search_narrows_while_one_types(open_as, stack):
    pk = stack.finished("fan", tags=["needle"])
    page = open_as("bob", "runs/")
    page.get_by_role("searchbox").press_sequentially("needle")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(str(pk))
    expect(page).to_have_url(re.compile("q=needle"))


def test_the_csv_holds_exactly_what_is_shown(open_as, stack):
    made = {stack.finished("fan", tags=["export"]), stack.finished("fan", tags=["export"])}
    page = open_as("bob", "runs/?tag=export")
    expect(rows(page)).to_have_count(2)
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {int(line[next(iter(line))]) for line in lines} == made
    assert download.value.suggested_filename.endswith(".csv")


def test_a_new_run_appears_and_changes_without_reloading(open_as, stack):
    page = open_as("bob", "runs/?tag=appearing")
    expect(page.locator("live-events")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    stack.run("fan", tags=["appearing"])
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Succeeded")
    assert page.evaluate("window.sameDocument === true")


def bulk(page: Page, label: str, answer: str) -> None:
    page.locator("[data-bulk-bar]").get_by_role("button", name=label).click()
    page.get_by_role("dialog").get_by_role("button", name=answer, exact=True).click()


def test_the_selected_runs_are_cancelled_at_once_and_the_others_are_left_alone(open_as, stack):
    chosen = [stack.toiling(tags=["bulk"]), stack.toiling(tags=["bulk"])]
    spared = stack.toiling(tags=["bulk"])
    page = open_as("bob", "runs/?tag=bulk")
    expect(page.locator("[data-bulk-bar]")).to_be_hidden()
    for pk in chosen:
        page.get_by_label(f"Select {pk}", exact=True).check()
    expect(page.locator("[data-bulk-bar] [data-count]")).to_contain_text("2")
    bulk(page, "Cancel", "Cancel 2 runs")
    expect(page.locator("#list-outcome")).to_contain_text("2")
    expect(rows(page).filter(has_text="Cancelled")).to_have_count(2)
    assert stack.api(f"runs/{spared}")["status"] == "running"
    stack.api(f"runs/{spared}/cancel", {})


def test_all_on_the_page_are_retried_with_one_box(open_as, stack):
    for _ in range(2):
        stack.finished("broken", tags=["again"])
    page = open_as("bob", "runs/?tag=again")
    page.get_by_label("Select all on this page").check()
    bulk(page, "Retry", "Retry 2 runs")
    expect(rows(page)).to_have_count(4)
    expect(rows(page).filter(has_text="Failed")).to_have_count(4)
