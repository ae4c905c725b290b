"""Keys on lists and the command palette: everything without a mouse, and nothing in the way of typing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_look import findings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_rows_are_walked_selected_let_go_and_opened(open_as, stack):
    for _ in range(2):
        stack.finished("broken")
    page = open_as("bob", "runs/?workflow=broken")
    rows = page.locator("#list tbody tr")
    page.keyboard.press("j")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link").first).to_be_focused()
    page.keyboard.press("x")
    expect(rows.nth(1).locator("[data-select-row]")).to_be_checked()
    page.keyboard.press("k")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-select-row]:checked")).to_have_count(0)
    first = rows.nth(0).get_by_role("link").first.get_attribute("href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{first}$"))


def test_cards_are_walked_selected_and_opened_like_rows(open_as):
    page = open_as("erin", "workflows/?layout=grid")
    cards = page.locator("#list .list-card")
    for index in (0, 1):
        page.keyboard.press("j")
        expect(cards.nth(index).get_by_role("link").first).to_be_focused()
    page.keyboard.press("x")
    expect(cards.nth(1).locator("[data-select-row]")).to_be_checked()
    page.keyboard.press("k")
    expect(cards.nth(0).get_by_role("link").first).to_be_focused()
    first = cards.nth(0).get_by_role("link").first.get_attribute("href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{first}$"))


def test_slash_searches_and_typing_is_left_alone(open_as):
    page = open_as("bob", "runs/")
    page.keyboard.press("/")
    field = page.locator("#list-filters .filter-panel__search input")
    expect(field).to_be_focused()
    page.keyboard.type("jkx?/")
    expect(field).to_have_value("jkx?/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()


def test_the_question_mark_tells_the_keys(open_as):
    page = open_as("bob", "runs/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("next row")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_palette_finds_a_workflow_and_goes_there(open_as, stack, theme):
    page = open_as("bob", "runs/", color_scheme=theme)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search pages, actions and objects")
    expect(field).to_be_focused()
    expect(page.get_by_role("option", name="Overview")).to_be_visible()
    assert findings(page) == []
    field.fill("lingering")
    option = page.get_by_role("option", name=re.compile("lingering"))
    expect(option).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", option.get_attribute("id"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/workflows/{stack.seeded['workflows']['lingering']}/$"))


def test_the_palette_offers_the_buttons_of_the_page_and_closes_without_a_trace(open_as, stack):
    page = open_as("bob", f"runs/{stack.finished('broken')}/")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("retry")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("again with the same inputs")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_without_a_script_the_search_is_a_page(open_as, stack):
    page = open_as("bob", "runs/", java_script_enabled=False)
    page.get_by_role("link", name=re.compile("^Search")).first.click()
    page.get_by_label("Search", exact=True).fill("lingering")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name=re.compile("lingering"))).to_be_visible()
