"""Runs beside each other, reached from the list and from a failure."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_two_runs_chosen_in_the_list_stand_beside_each_other(open_as, stack):
    first = stack.finished("steady", inputs={"seconds": 0})
    second = stack.finished("steady", inputs={"seconds": 0, "colour": "red"})
    page = open_as("vera", "runs/?workflow=steady")
    if not page.locator("[data-select-row]").count():
        page = open_as("bob", "runs/?workflow=steady")
    for pk in (second, first):
        page.get_by_label(f"Select {pk}", exact=True).check()
    page.get_by_role("link", name="Compare 2 runs").click()
    expect(page).to_have_url(re.compile(rf"/runs/compare\?ids={first},{second}$"))
    expect(page.get_by_role("alert").or_(page.locator(".notice")).first).to_contain_text("report")
    expect(page.get_by_role("region", name="Inputs that differ")).to_contain_text("red")
    expect(page.get_by_role("region", name="Steps beside each other").get_by_role("row")).to_have_count(5)


def test_a_selection_of_one_leads_to_the_question_which(open_as, stack):
    pk = stack.finished("steady", inputs={"seconds": 0})
    page = open_as("bob", "runs/?workflow=steady")
    page.get_by_label(f"Select {pk}", exact=True).check()
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_label("Runs", exact=True).fill(f"{pk}")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Give 2 to 4 different runs")).to_be_visible()
