"""Who may only look sees no buttons, and the server refuses all the same."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

POST = """async (path) => {
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const response = await fetch(path, { method: "POST", headers: { "X-CSRFToken": token } });
  return response.status;
}"""


def test_a_viewer_has_no_buttons_on_a_run_and_is_refused_when_posting(open_as, stack):
    pk = stack.toiling()
    page = open_as("vera", f"runs/{pk}/")
    expect(page.locator("#run-summary")).to_contain_text("Running")
    for name in ("Cancel", "Pause", "Retry"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert page.evaluate(POST, f"/p/acme/runs/{pk}/control/cancellation") == 403
    assert stack.api(f"runs/{pk}")["status"] == "running"
    stack.api(f"runs/{pk}/cancel", {})


def test_a_viewer_cannot_start_anything(open_as, stack):
    stack.finished("fan", tags=["looking"])
    page = open_as("vera", "runs/?tag=looking")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name="New run")).to_have_count(0)
    expect(page.get_by_label("Select all on this page")).to_have_count(0)
    page.goto(f"/p/acme/workflows/{stack.seeded['workflows']['fan']}/")
    expect(page.get_by_role("heading", name="fan", level=1)).to_be_visible()
    for name in ("Start run", "Edit"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_who_is_no_member_finds_nothing(open_as, stack):
    page = open_as("mallory", f"runs/{stack.finished('fan')}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not found")
    expect(page.locator("#run-summary")).to_have_count(0)
