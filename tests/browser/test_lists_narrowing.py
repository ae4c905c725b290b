"""Ways to narrow a list and to keep what one found: tabs, the period, saved views; and cards instead of rows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def rows(page: Page):
    return page.locator("#list tbody tr")


def tab(page: Page, label: str):
    return page.get_by_role("navigation", name="Runs by state").get_by_role("link", name=label)


def period(page: Page):
    return page.locator("date-range")


def views(page: Page):
    return page.locator("#saved-views")


def choose_view(page: Page, name: str) -> None:
    views(page).locator("summary").click()
    views(page).get_by_role("button", name=name, exact=True).click()


def save(page: Page, name: str) -> None:
    views(page).locator("summary").click()
    page.get_by_label("Save what is shown as").fill(name)
    page.get_by_role("button", name="Save view").click()
    expect(views(page).locator("summary")).to_have_text(name)


def test_a_tab_narrows_takes_the_filters_along_and_the_back_button_goes_back(open_as, stack):
    stack.finished("broken", tags=["tabbed"])
    stack.finished("fan", tags=["tabbed"])
    page = open_as("bob", "runs/?tag=tabbed")
    expect(tab(page, "All")).to_have_text("All2")
    tab(page, "Failed").click()
    expect(page).to_have_url(re.compile("status=failed&status=timed_out"))
    expect(rows(page)).to_have_count(1)
    expect(tab(page, "Failed")).to_have_attribute("aria-current", "page")
    expect(page.locator("#list-filters input[name=status][value=failed]")).to_be_checked()
    page.go_back()
    expect(rows(page)).to_have_count(2)
    expect(tab(page, "All")).to_have_attribute("aria-current", "page")


def test_the_counts_of_the_tabs_are_live(open_as, stack):
    page = open_as("bob", "runs/?tag=counted")
    expect(page.locator("live-events")).to_have_text("Live")
    expect(tab(page, "All")).to_have_text("All0")
    stack.run("fan", tags=["counted"])
    expect(tab(page, "Succeeded")).to_have_text("Succeeded1")
    expect(tab(page, "All")).to_have_text("All1")


def test_a_preset_and_an_expression_narrow_and_show_their_dates(open_as, stack):
    stack.finished("fan", tags=["dated"])
    page = open_as("bob", "runs/?tag=dated")
    period(page).locator("summary").click()
    period(page).get_by_role("link", name="Last 7 days").click()
    expect(page).to_have_url(re.compile("since=-7d"))
    expect(
        page.locator(".chip", has_text=re.compile(r"Last 7 days · from \d{4}-\d\d-\d\d \d\d:\d\d CES?T"))
    ).to_be_visible()
    expect(period(page).locator("summary")).to_have_text("Created: Last 7 days")
    expect(rows(page)).to_have_count(1)

    period(page).locator("summary").click()
    period(page).get_by_label("From", exact=True).fill("start_of(month)-1mo")
    period(page).get_by_label("Until", exact=True).fill("start_of(month)")
    period(page).get_by_label("Until", exact=True).press("Enter")
    expect(page.locator(".chip", has_text="Last month · ")).to_be_visible()
    expect(page.locator("#list")).to_contain_text("Nothing matches")

    period(page).locator("summary").click()
    period(page).get_by_label("From", exact=True).fill("start_of(decade)")
    period(page).get_by_label("From", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no start_of(decade)")

    period(page).locator("summary").click()
    period(page).get_by_label("Until, calendar").fill("2026-01-31")
    expect(period(page).get_by_label("Until", exact=True)).to_have_value("2026-01-31")


def test_a_view_is_saved_changed_opened_first_and_deleted(open_as, stack):
    stack.finished("broken", tags=["viewed"])
    stack.finished("fan", tags=["viewed"])
    page = open_as("erin", "runs/?tag=viewed&status=failed")
    save(page, "Red ones")
    expect(page).to_have_url(re.compile(r"\?view=red-ones$"))
    expect(rows(page)).to_have_count(1)

    page.locator("#list-filters details", has=page.locator("summary", has_text="Status")).locator("summary").click()
    page.locator("#list-filters").get_by_label("Failed", exact=True).uncheck()
    expect(rows(page)).to_have_count(2)
    expect(page).to_have_url(re.compile("view=red-ones&.*status="))
    expect(views(page).locator("summary")).to_have_text("Red ones (changed)")
    page.go_back()
    expect(rows(page)).to_have_count(1)

    choose_view(page, "Open first")
    page.goto("/p/acme/runs/")
    expect(page).to_have_url(re.compile(r"\?view=red-ones$"))
    views(page).locator("summary").click()
    views(page).get_by_role("link", name="All runs").click()
    expect(page).to_have_url(re.compile(r"\?view=$"))
    expect(views(page).locator("summary")).to_have_text("Views")

    page.goto("/p/acme/runs/")
    choose_view(page, "Delete view")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("delete")).click()
    expect(page).to_have_url(re.compile(r"\?view=$"))
    page.goto("/p/acme/runs/")
    expect(page).to_have_url(re.compile(r"/runs/$"))


def test_cards_hold_what_rows_hold_and_can_be_selected(open_as):
    page = open_as("erin", "workflows/")
    names = rows(page).locator(".cell-main").all_inner_texts()
    page.get_by_role("link", name="As grid").click()
    expect(page).to_have_url(re.compile("layout=grid"))
    cards = page.locator(".list-card")
    expect(cards).to_have_count(len(names))
    assert [title.strip() for title in page.locator(".list-card__title").all_inner_texts()] == names
    cards.first.get_by_role("checkbox").check()
    expect(page.locator("[data-bulk-bar] [data-count]")).to_contain_text("1")
    page.go_back()
    expect(rows(page)).to_have_count(len(names))
