"""A row of a list leads where its link does, and stays text that can be selected."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def run(stack) -> int:
    return stack.finished("fan", tags=["rows"])


def row_of(page: Page, run: int) -> Locator:
    return page.locator("#list tbody tr", has=page.locator(f'.links-row a[href$="/runs/{run}/"]'))


def free_place(row: Locator) -> Locator:
    """A cell with nothing to press in it."""
    return row.locator("td:not(.cell-check):not(:has(a, button))").first


def test_a_click_anywhere_in_a_row_opens_it(open_as, run):
    page = open_as("bob", "runs/?tag=rows")
    free_place(row_of(page, run)).click()
    expect(page).to_have_url(re.compile(f"/runs/{run}/?$"))


def test_with_a_key_or_the_middle_button_it_opens_beside(open_as, run):
    page = open_as("bob", "runs/?tag=rows")
    for how in ({"modifiers": ["Control"]}, {"button": "middle"}):
        with page.context.expect_page() as opened:
            free_place(row_of(page, run)).click(**how)
        expect(opened.value).to_have_url(re.compile(f"/runs/{run}/?$"))
        opened.value.close()
    expect(page).to_have_url(re.compile("tag=rows"))


def test_text_can_be_selected_and_boxes_ticked_without_leaving(open_as, run):
    page = open_as("bob", "runs/?tag=rows")
    row = row_of(page, run)
    place = row.get_by_text("fan", exact=False).first.bounding_box()
    page.mouse.move(place["x"] + 1, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] - 1, place["y"] + place["height"] / 2, steps=5)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()").strip()
    expect(page).to_have_url(re.compile("tag=rows"))
    page.evaluate("getSelection().removeAllRanges()")
    row.locator("[data-select-row]").check()
    row.locator(".cell-check").click(position={"x": 2, "y": 2})
    expect(page).to_have_url(re.compile("tag=rows"))


def test_by_keyboard_it_is_one_stop_on_its_link(open_as, run):
    page = open_as("bob", "runs/?tag=rows")
    link = row_of(page, run).locator(".links-row a")
    link.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{run}/?$"))
