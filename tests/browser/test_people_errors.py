"""What people see when something does not work."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import MAIN, path_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WIDTHS = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
SHOW = """() => document.body.dispatchEvent(new CustomEvent("toast", { detail: {
  message: "The server cannot be reached just now, which is said here in two lines of words.", tone: "danger"
} }))"""
# Buttons in the window whose middle is under a toast.
COVERED = """() => [...document.querySelectorAll("#main button, #main a.btn, #main summary")].filter((one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  const found = width && document.elementFromPoint(left + width / 2, top + height / 2);
  return found && found.closest("toast-stack");
}).map((one) => one.textContent.trim())"""


@pytest.mark.parametrize("path", ["no/such/page/", "runs/999999/"])
def test_a_missing_page_keeps_the_sidebar_and_names_the_request(open_as, path):
    page = open_as("vera", path)
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_text("Request id")).to_be_visible()
    page.locator(".sidebar").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


def test_a_refusal_leads_back(open_as):
    page = open_as("vera", "runs/")
    page.evaluate("location.assign('/p/acme/runs/new')")
    expect(page.get_by_role("heading", name="Your role does not allow this")).to_be_visible()
    page.get_by_role("link", name="Back to where you were").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", MAIN)
def test_a_toast_covers_no_button(open_as, stack, name, width):
    page = open_as("alice", path_of(name, stack), viewport=WIDTHS[width])
    page.evaluate(SHOW)
    expect(page.locator(".toast-item")).to_be_visible()
    assert page.evaluate(COVERED) == []


def test_saving_without_a_network_says_so_and_goes_on_when_it_is_back(open_as, stack):
    page = open_as("erin", path_of("editor", stack))
    expect(page.locator("code-editor[data-ready]")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("toast-stack")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Save and release")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("toast-stack")).not_to_contain_text("cannot be reached")
    expect(page.locator("toast-stack")).to_contain_text("aved")


def test_a_page_of_somebody_signed_out_keeps_what_was_typed(open_as, stack):
    page = open_as("erin", path_of("editor", stack))
    page.get_by_label("Note").fill("half a thought")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("toast-stack")).to_contain_text("signed out")
    expect(page.get_by_label("Note")).to_have_value("half a thought")
