"""A page that outlives the web process it came from."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.stack import FINAL, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LISTEN = """() => {
  window.seen = [];
  document.addEventListener("live:event", ({ detail }) => window.seen.push(detail.seq));
}"""


def test_the_web_process_dies_and_no_event_is_lost(open_as, stack):
    pk = stack.run("steady", inputs={"seconds": 6})
    page = open_as("bob", f"runs/{pk}/")
    first = int(page.locator("live-events").get_attribute("after"))
    page.evaluate(LISTEN)
    live = page.locator("live-events")
    expect(live).to_have_text("Live")
    stack.stop("web", force=True)
    expect(live).to_contain_text("Reconnecting")
    stack.start("web")
    eventually(stack.answers)
    eventually(lambda: stack.api(f"runs/{pk}")["status"] in FINAL)
    expect(live).to_have_text("Live", timeout=40_000)
    expect(page.locator("#run-summary .status-badge").first).to_have_text("Succeeded")
    last = stack.api(f"runs/{pk}")["last_seq"]
    page.wait_for_function("last => window.seen.includes(last)", arg=last)
    seen = page.evaluate("window.seen")
    assert seen == list(range(seen[0], last + 1))
    assert seen[0] <= first + 1 + len(seen)
