"""A session that ends, or becomes another, while a page is open: nothing typed is lost, or sent by somebody else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WHO = ".sidebar .user-button"


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def in_another_tab(context: BrowserContext, name: str) -> None:
    """Sign out and in again, which changes the CSRF token."""
    context.clear_cookies(name="sessionid")
    tab = context.new_page()
    tab.goto("/accounts/login/?next=/p/acme/activity")
    sign_in(tab, name)
    expect(tab.locator(WHO)).to_contain_text(name)
    tab.close()


def token(page: Page) -> str:
    return next(each["value"] for each in page.context.cookies() if each["name"] == "csrftoken")


def test_a_plain_form_survives_the_sign_in_in_between(open_as):
    page = open_as("erin", "agents/new?kind=function")
    page.get_by_label("Name").fill("typed-before")
    page.get_by_label("Description").fill("not lost")
    page.get_by_label("Function").select_option("test-echo")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Create agent").click()
    sign_in(page, "erin")
    expect(page).to_have_url(re.compile(r"/agents/new\?kind=function$"))
    expect(page.locator("toast-stack")).to_contain_text("What you typed here is back.")
    expect(page.get_by_label("Name")).to_have_value("typed-before")
    page.get_by_role("button", name="Create agent").click()
    expect(page.locator(".page-header")).to_contain_text("not lost")


def test_a_form_of_an_action_leads_back_to_its_page(open_as, stack):
    page = open_as("alice", "agents/new?kind=function")
    page.get_by_label("Name").fill("scaled")
    page.get_by_label("Function").select_option("test-echo")
    page.get_by_role("button", name="Create agent").click()
    page.get_by_label("max", exact=True).fill("7")
    detail = page.url
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Scale").click()
    sign_in(page, "alice")
    expect(page).to_have_url(detail)
    expect(page.get_by_label("max", exact=True)).to_have_value("7")


@pytest.mark.parametrize("name", ["bob", "alice"])
def test_a_start_stays_on_its_page_and_is_sent_again_after_a_sign_in_in_a_new_tab(open_as, stack, name):
    page = open_as("bob", f"runs/new?workflow={stack.seeded['workflows']['steady']}")
    page.get_by_label("Seconds").fill("0")
    page.get_by_label("Note").fill("kept")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Start run").click()
    expect(page.locator("toast-stack")).to_contain_text("You are signed out")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    sign_in(opened.value, name)
    expect(opened.value.locator(WHO)).to_contain_text(name)
    opened.value.close()
    expect(page.get_by_label("Note")).to_have_value("kept")
    page.get_by_role("button", name="Retry").click()
    if name != "bob":
        page.get_by_role("button", name=f"Yes, send it as {name}").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    page.goto(f"{page.url}data/")
    expect(page.locator("#main")).to_contain_text("kept")


def test_a_page_from_before_a_new_sign_in_still_sends(open_as, stack):
    page = open_as("erin", f"workflows/{stack.seeded['workflows']['steady']}/details")
    before = token(page)
    in_another_tab(page.context, "erin")
    assert token(page) != before
    page.get_by_label("Description").fill("sent with the token of now")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".page-header")).to_contain_text("sent with the token of now")

    page.goto(f"/p/acme/workflows/{stack.seeded['workflows']['steady']}/draft")
    in_another_tab(page.context, "erin")
    page.get_by_role("textbox", name="Specification").click()
    page.keyboard.type(" ")
    expect(page.locator(".code-editor__status")).to_contain_text(re.compile("No problems|problem"))
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("toast-stack")).to_contain_text("The draft is saved.")


def test_nothing_is_sent_as_somebody_else_without_a_question(open_as, stack):
    page = open_as("erin", f"workflows/{stack.seeded['workflows']['fan']}/details")
    page.get_by_label("Description").fill("of two people")
    in_another_tab(page.context, "alice")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This page was opened by erin.")
    expect(dialog).to_contain_text("alice has signed in")
    dialog.get_by_role("button", name="No, go back").click()
    expect(page).to_have_url(re.compile("/details$"))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Yes, send it as alice").click()
    expect(page.locator(".page-header")).to_contain_text("of two people")
    expect(page.locator(WHO)).to_contain_text("alice")


def test_signing_out_leaves_nothing_behind(open_as):
    page = open_as(None, "accounts/login/?next=/p/acme/agents/new%3Fkind%3Dfunction")
    sign_in(page, "erin")
    page.get_by_label("Description").fill("of erin")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(WHO).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('unsaved'))") == []
    assert "person" not in {each["name"] for each in page.context.cookies()}


def test_without_a_script_an_ended_session_leads_back_to_the_page_of_the_form(open_as, stack):
    pk = stack.toiling()
    page = open_as("bob", f"runs/{pk}/", java_script_enabled=False)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Cancel").click()
    sign_in(page, "bob")
    expect(page).to_have_url(re.compile(f"/runs/{pk}/$"))
    expect(page.locator("#run-summary")).to_contain_text("Running")
    stack.api(f"runs/{pk}/cancel", {})
