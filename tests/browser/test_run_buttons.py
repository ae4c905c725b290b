"""The buttons of a run: the page stays, also while the server is away, and what is clicked twice is done once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STAYS = "() => { window.stayed = true; }"


def posts_of(page: Page) -> list[str]:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


def test_pausing_resuming_and_cancelling_stay_on_the_page_and_say_so(open_as, stack):
    pk = stack.toiling()
    page = open_as("bob", f"runs/{pk}/logs/")
    page.evaluate(STAYS)
    summary = page.locator("#run-summary")
    summary.get_by_role("button", name="Pause").click()
    expect(page.locator("toast-stack")).to_contain_text("Pause was asked for.")
    expect(summary).to_contain_text("bob asked to pause")
    summary.get_by_role("button", name="Resume").click()
    expect(page.locator("toast-stack")).to_contain_text("Resume was asked for.")
    expect(summary.get_by_role("button", name="Pause")).to_be_visible()
    summary.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(summary.locator(".status-badge").first).to_have_text("Cancelled")
    expect(page).to_have_url(re.compile(f"/runs/{pk}/logs/$"))
    assert page.evaluate("window.stayed")


def test_a_question_outlives_the_refresh_of_what_it_is_about(open_as, stack):
    pk = stack.toiling()
    page = open_as("bob", f"runs/{pk}/")
    page.locator("#run-summary").get_by_role("button", name="Cancel").click()
    form = page.locator("#run-summary form").first.element_handle()
    page.evaluate("htmx.trigger('#run-summary', 'live')")
    page.wait_for_function("(form) => !form.isConnected", arg=form)
    page.get_by_role("button", name="Yes, cancel").click()
    eventually(lambda: stack.api(f"runs/{pk}")["status"] == "cancelled")


def test_a_double_click_does_it_once(open_as, stack):
    tag = f"twice-{stack.finished('fan')}"
    page = open_as("bob", f"runs/new?workflow={stack.seeded['workflows']['fan']}")
    sent = posts_of(page)
    page.get_by_label("Tags").fill(tag)
    page.get_by_role("button", name="Start run").dblclick()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    assert len(sent) == 1
    assert len(stack.api(f"runs?tag={tag}")["results"]) == 1

    page.goto("/p/acme/tokens/")
    page.route("**/tokens/", lambda route: (sent.append("tokens"), route.abort()))
    page.get_by_label("Name").fill(tag)
    form = page.locator("form").filter(has=page.get_by_label("Name"))
    assert (
        form.evaluate("""(form) => {
      let plain = 0;
      form.addEventListener("submit", (event) => setTimeout(() => { plain += event.defaultPrevented ? 0 : 1; }));
      form.requestSubmit();
      form.requestSubmit();
      return new Promise((resolve) => setTimeout(() => resolve(plain)));
    }""")
        == 1
    )


def test_a_server_that_restarts_costs_a_click_on_retry_and_no_page(open_as, stack):
    cancelled, again = stack.toiling(), stack.finished("fan")
    steady = stack.seeded["workflows"]["steady"]
    pages = [open_as("bob", path) for path in (f"runs/{cancelled}/", f"runs/{again}/", f"runs/new?workflow={steady}")]
    page, other, new = pages
    new.get_by_label("Seconds").fill("0")
    new.get_by_label("Note").fill("kept")
    stack.stop("web", force=True)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel").click()
    other.get_by_role("button", name="Retry").click()
    other.get_by_role("button", name="Yes, retry").click()
    new.get_by_role("button", name="Start run").click()
    for one in pages:
        expect(one.locator("toast-stack")).to_contain_text("The server cannot be reached.")
    stack.start("web")
    eventually(stack.answers)
    for one in pages:
        one.locator("toast-stack").get_by_role("button", name="Retry").click()
    expect(page.locator("#run-summary .status-badge").first).to_have_text("Cancelled")
    expect(other).to_have_url(re.compile(r"/runs/\d+/$"))
    expect(other.locator("toast-stack")).to_contain_text("was started with the same inputs")
    expect(new.locator("toast-stack")).to_contain_text("was started.")
    new.goto(f"{new.url}data/")
    expect(new.locator("#main")).to_contain_text("kept")
