"""From an invitation to an account, and the pages of that account."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "another-horse-battery"
LOOKS = [(width, theme) for width in (1440, 390) for theme in ("light", "dark")]


def test_an_invited_person_signs_up_and_chooses_a_time_zone(open_as):
    page = open_as("alice", "members/")
    form = page.locator("form", has=page.get_by_label("E-mail"))
    form.get_by_label("E-mail").fill("nina@example.com")
    form.get_by_label("Role").select_option("operator")
    form.get_by_role("button", name="Invite").click()
    expect(page.locator("toast-stack")).to_contain_text("is invited")
    link = page.locator("tr", has_text="nina@example.com").locator(".copyable__text").inner_text()

    guest = open_as(None, link.split("/", 3)[3])
    guest.get_by_role("link", name="Create an account").click()
    guest.get_by_label("Username").fill("nina")
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_label("Password (again)").fill(PASSWORD)
    guest.get_by_role("button", name="Create the account").click()
    expect(guest).to_have_url(re.compile("/p/acme/"))

    guest.goto("/account/")
    guest.get_by_label("Time zone").select_option("Asia/Tokyo")
    guest.get_by_label("Theme").select_option("dark")
    guest.get_by_role("button", name="Save").click()
    expect(guest.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(guest.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    guest.goto("/invitation?" + link.split("?")[1])
    expect(guest.get_by_role("heading", name="This invitation has ended")).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize(
    "path", ["account/", "accounts/email/", "accounts/sessions/", "accounts/2fa/", "accounts/password/change/"]
)
def test_pages_of_the_account_fit_every_width(open_as, path, width, theme):
    page = open_as("vera", "", viewport={"width": width, "height": 900})
    page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
    page.goto(f"/{path}")
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", ["members/", "tokens/", "secrets/"])
def test_tables_of_people_and_keys_fit_a_phone(open_as, path):
    page = open_as("alice", "members/", viewport={"width": 390, "height": 844})
    form = page.locator("form", has=page.get_by_label("E-mail"))
    form.get_by_label("E-mail").fill("an.address.that.is.quite.long@subdomain.example.com")
    form.get_by_role("button", name="Invite").click()
    page.goto(f"/p/acme/{path}")
    expect(page.locator("h1")).to_be_visible()
    wide = "[...document.querySelectorAll('.list-table__scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{wide}.length") == 0
