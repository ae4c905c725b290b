"""Coming in, and going out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def sign_in(page, password):
    page.get_by_label("Username or email").fill("bob")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_page_asks_who_one_is_and_leads_on_to_where_one_wanted(open_as):
    page = open_as(None, "p/acme/runs/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, PASSWORD)
    expect(page).to_have_url(re.compile("/p/acme/runs/$"))
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


def test_a_wrong_password_says_so_and_keeps_the_name(open_as):
    page = open_as(None, "accounts/login/")
    sign_in(page, "guessed")
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    expect(page.get_by_label("Username or email")).to_have_value("bob")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_who_signs_out_is_out(open_as):
    page = open_as(None, "accounts/login/")
    sign_in(page, PASSWORD)
    page.locator(".sidebar .user-button").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/p/acme/runs/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
