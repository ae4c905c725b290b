"""Files of a list, calls to try a tool, and a second editor."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.editor import PASTE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCHEMA = {
    "type": "object",
    "required": ["count"],
    "properties": {"count": {"type": "integer", "title": "Count", "minimum": 1}},
}


def test_a_file_made_in_the_background_is_what_its_page_says(open_as, stack):
    run = stack.finished("fan", tags=["filed"])
    operation = stack.api("exports", {"list": "runs", "format": "json", "filter": {"tag": "filed"}})
    page = open_as("bob", "operations/")
    page.locator(f"a[href$='/operations/{operation['id']}/']").click()
    expect(page.locator("#operation")).to_contain_text("Succeeded")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"\.json$")).click()
    content = Path(download.value.path()).read_bytes()
    assert [row["id"] for row in json.loads(content)] == [run]
    expect(page.locator("#operation")).to_contain_text(hashlib.sha256(content).hexdigest())


def test_a_menu_closes_when_a_file_is_chosen(open_as, stack):
    stack.finished("fan")
    page = open_as("bob", "runs/")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel").click()
    assert Path(download.value.path()).read_bytes().startswith(b"PK")
    expect(page.get_by_role("link", name="Excel")).to_be_hidden()


def test_a_tool_is_tried_in_fields_made_of_its_schema(open_as):
    page = open_as("erin", "tools/new?kind=function")
    page.get_by_label("Name").fill("counted")
    page.get_by_label("Function").select_option("test-echo")
    schema = page.get_by_role("textbox", name="Input schema")
    schema.click()
    schema.evaluate(PASTE, json.dumps(SCHEMA))
    page.get_by_role("button", name="Create tool").click()
    page.get_by_role("link", name="Test", exact=True).click()
    page.locator("form").filter(has=page.get_by_label("Count")).evaluate("form => { form.noValidate = true; }")
    page.get_by_label("Count").fill("0")
    page.get_by_role("button", name="Call it").click()
    expect(page.locator(".field--invalid")).to_contain_text("at least 1")
    page.get_by_label("Count").fill("3")
    page.get_by_role("button", name="Call it").click()
    expect(page.get_by_text("Answered in")).to_be_visible()
    expect(page.locator(".field--invalid")).to_have_count(0)


def test_of_two_editors_of_an_agent_the_second_one_is_told_and_chooses(open_as):
    first = open_as("erin", "agents/new?kind=function")
    first.get_by_label("Name").fill("shared")
    first.get_by_label("Function").select_option("test-echo")
    first.get_by_role("button", name="Create agent").click()
    expect(first.get_by_role("heading", name="shared")).to_be_visible()
    path = f"{first.url.split('/p/acme/')[1]}edit"
    second = open_as("alice", path)
    first.goto(f"/p/acme/{path}")
    first.get_by_label("Description").fill("by erin")
    first.get_by_role("button", name="Save as version 2").click()
    expect(first.locator(".page-header")).to_contain_text("by erin")
    second.get_by_label("Description").fill("by alice")
    second.get_by_role("button", name="Save as version 2").click()
    expect(second.locator(".notice")).to_contain_text("erin")
    expect(second.get_by_label("Description")).to_have_value("by alice")
    second.get_by_role("button", name="Save mine over it").click()
    expect(second.locator(".page-header")).to_contain_text("by alice")
