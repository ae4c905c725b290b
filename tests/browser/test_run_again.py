"""Changing inputs and running again, in a real browser: what nobody touched comes back as it was."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
INPUTS = {
    "prefix": "",
    "tags": [],
    "limit": None,
    "maybe": None,
    "note": "two\nlines",
    "doc": "\nlead",
    "ends": "a\r\nb",
}


def started(page: Page, stack, before: int) -> dict:
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    pk = int(page.url.rstrip("/").rsplit("/", 1)[1])
    assert pk > before
    return stack.api(f"runs/{pk}")["inputs"]


def again(open_as, stack, **more) -> tuple[Page, int]:
    pk = stack.finished("particular", inputs=INPUTS)
    page = open_as("bob", f"runs/{pk}/", **more)
    page.get_by_role("link", name="Change and run again").click()
    expect(page.get_by_role("button", name="Start run")).to_be_visible()
    return page, pk


@pytest.mark.parametrize("script", [True, False])
def test_what_nobody_touched_runs_as_it_was(open_as, stack, script):
    page, pk = again(open_as, stack, java_script_enabled=script)
    page.get_by_role("button", name="Start run").press("Enter")
    assert started(page, stack, pk) == INPUTS


def test_json_and_back_keeps_what_was_typed(open_as, stack):
    page, pk = again(open_as, stack)
    page.get_by_label("Prefix").press_sequentially("  my ")
    page.get_by_label("Note").press("ControlOrMeta+End")
    page.keyboard.type("!")
    page.get_by_role("button", name="Write the inputs as JSON instead").press("Enter")
    expect(page.locator("code-editor textarea")).to_have_value(
        re.compile(r'"prefix": "  my ".*"note": "two\\nlines!"', re.S)
    )
    expect(page.locator("code-editor[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Fill in fields instead").press("Enter")
    expect(page.get_by_label("Prefix")).to_have_value("  my ")
    expect(page.get_by_label("Note")).to_have_value("two\nlines!")
    page.get_by_label("Prefix").press("End")
    page.keyboard.press("Enter")
    assert started(page, stack, pk) == {**INPUTS, "prefix": "  my ", "note": "two\nlines!"}


def test_a_tool_is_tried_with_what_was_typed_before_the_change_to_json(open_as, stack):
    tools = {tool["name"]: tool["id"] for tool in stack.api("tools")["results"]}
    page = open_as("bob", f"tools/{tools['sleep']}/trial")
    page.get_by_label("Seconds").fill("0")
    page.get_by_role("button", name="Write the input as JSON instead").click()
    expect(page.locator("code-editor textarea")).to_have_value(re.compile(r'"seconds": 0\b'))
    expect(page.get_by_role("textbox", name="Input")).to_be_visible()
    page.get_by_role("button", name="Fill in fields instead").click()
    expect(page.get_by_label("Seconds")).to_have_value("0")
    page.get_by_role("button", name="Call it").click()
    expect(page.locator("#trial")).to_contain_text("Answered in")
