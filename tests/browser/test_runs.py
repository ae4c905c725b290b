"""A run from its form to its end, watched without ever reloading the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.editor import write
from tests.browser.stack import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def summary(page: Page):
    return page.locator("#run-summary")


def shows(page: Page, state: str) -> None:
    expect(summary(page).locator(".status-badge").first).to_have_text(state)


def mark(page: Page) -> None:
    """Leave a sign that a reload would wipe away."""
    page.evaluate("window.sameDocument = true")


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.sameDocument === true")


def agree(page: Page, label: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=label).click()


def test_it_is_started_from_fields_and_watched_to_its_end(open_as, stack):
    page = open_as("bob", f"runs/new?workflow={stack.seeded['workflows']['steady']}")
    page.get_by_label("Seconds").fill("3")
    page.get_by_label("Colour").select_option("red")
    page.get_by_label("Environment").select_option("staging")
    page.get_by_label("Tags").fill("nightly, eu")
    page.get_by_role("button", name="Start run").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    mark(page)
    shows(page, "Running")
    expect(page.locator("live-events")).to_have_text("Live")
    expect(summary(page)).to_contain_text("Staging")
    expect(summary(page)).to_contain_text("nightly")
    shows(page, "Succeeded")
    expect(page.locator("#run-timeline .timeline__row")).to_have_count(3)
    for row in page.locator("#run-timeline .timeline__row").all():
        expect(row.get_by_role("img", name="Succeeded")).to_be_visible()
    assert was_not_reloaded(page)


def share(bar: Locator) -> float:
    """Where it begins, in percent of the time that the run has taken."""
    return float((bar.get_attribute("x") or "").rstrip("%"))


def test_the_bar_of_a_running_step_grows(open_as, stack):
    pk = stack.toiling()
    page = open_as("bob", f"runs/{pk}/")
    bar = page.locator(".timeline__row", has_text="toil").locator("rect.is-attempt")
    expect(bar).to_have_attribute("x", re.compile(r"\d%"))
    first = share(bar)
    eventually(lambda: share(bar) < first)
    stack.api(f"runs/{pk}/cancel", {})


def test_log_lines_appear_while_it_runs(open_as, stack):
    pk = stack.run("steady", inputs={"seconds": 2})
    page = open_as("bob", f"runs/{pk}/logs/")
    mark(page)
    log = page.get_by_role("log")
    expect(log).to_contain_text("line 2")
    expect(log).to_contain_text("begun")
    expect(page.locator("[data-log-count]")).to_have_text("4 lines")
    assert was_not_reloaded(page)


def test_wrong_input_is_told_at_its_field_and_nothing_typed_is_lost(open_as, stack):
    page = open_as("bob", f"runs/new?workflow={stack.seeded['workflows']['steady']}")
    page.get_by_label("Note").fill("kept")
    page.get_by_label("Seconds").fill("700")
    page.locator("form.form-stack").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Start run").click()
    field = page.locator(".field", has=page.get_by_label("Seconds"))
    expect(field.locator(".field__error")).to_contain_text("600")
    expect(page.get_by_label("Seconds")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Seconds")).to_have_value("700")
    expect(page.get_by_label("Note")).to_have_value("kept")


def test_inputs_may_be_written_as_json(open_as, stack):
    page = open_as("bob", f"runs/new?workflow={stack.seeded['workflows']['steady']}&as_json=1")
    write(page, "Inputs", '{"seconds": "soon"}')
    page.get_by_role("button", name="Start run").click()
    expect(page.locator(".field__error")).to_contain_text("integer")
    write(page, "Inputs", '{"seconds": 0, "colour": "red"}')
    page.get_by_role("button", name="Start run").click()
    shows(page, "Succeeded")
    page.get_by_role("link", name="Inputs and outputs").click()
    expect(page.locator("#run-data")).to_contain_text("red")


def test_cancelling_shows_stopping_and_then_cancelled_to_everybody_who_looks(open_as, stack):
    pk = stack.run("lingering")
    page, witness = open_as("bob", f"runs/{pk}/"), open_as("vera", f"runs/{pk}/")
    mark(witness)
    shows(witness, "Running")
    expect(page.locator(".timeline__row").first).to_contain_text("linger")
    page.get_by_role("button", name="Cancel").click()
    agree(page, "Yes, cancel")
    shows(witness, "Stopping")
    shows(witness, "Cancelled")
    shows(page, "Cancelled")
    expect(summary(witness)).to_contain_text("bob")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert was_not_reloaded(witness)


def test_pausing_holds_the_next_step_and_resuming_goes_on(open_as, stack):
    pk = stack.toiling(seconds=10)
    page = open_as("bob", f"runs/{pk}/")
    page.get_by_role("button", name="Pause").click()
    shows(page, "Paused")
    expect(page.locator(".timeline__row", has_text="report")).not_to_contain_text("Succeeded")
    page.get_by_role("button", name="Resume").click()
    shows(page, "Succeeded")


def test_a_failed_step_tells_type_message_and_context(open_as, stack):
    pk = stack.finished("broken")
    page = open_as("bob", f"runs/{pk}/")
    shows(page, "Failed")
    expect(summary(page)).to_contain_text("The disk is full.")
    panel = page.locator("#step-panel")
    expect(panel.get_by_role("heading", name="store")).to_be_visible()
    for text in ("disk_full", "The disk is full.", "Context", "/dev/sdb", "rows"):
        expect(panel).to_contain_text(text)


def test_another_step_opens_beside_the_timeline_and_is_marked(open_as, stack):
    page = open_as("bob", f"runs/{stack.finished('broken')}/")
    mark(page)
    row = page.locator(".timeline__row", has_text="begin")
    row.click()
    expect(page.locator("#step-panel").get_by_role("heading", name="begin")).to_be_visible()
    expect(row).to_have_attribute("aria-current", "true")
    expect(page.locator(".timeline__row[aria-current]")).to_have_count(1)
    assert was_not_reloaded(page)


def test_retrying_opens_a_new_run_that_knows_the_old_one(open_as, stack):
    pk = stack.finished("broken")
    page = open_as("bob", f"runs/{pk}/")
    page.get_by_role("button", name="Retry").click()
    agree(page, "Yes, retry")
    expect(page).not_to_have_url(re.compile(f"/runs/{pk}/$"))
    expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile(rf"\b{pk}\b"))
    expect(summary(page)).to_contain_text(f"Run {pk}")
    shows(page, "Failed")
