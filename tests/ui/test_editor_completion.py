"""The code editor offers what the server says may stand at the cursor."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.ui.site import Answer

pytestmark = pytest.mark.browser
WORDS = {
    "uses": [
        {"label": "query", "detail": "Query", "info": "Runs a statement."},
        {"label": "tool:list-issues", "detail": "Tool", "info": "Calls a tool once."},
    ],
    "keys": {
        "": ["params", "steps"],
        "step": ["key", "uses", "with", "needs"],
        "retry": [],
        "query": ["instance", "sql"],
    },
    "values": {"instance": ["sales", "warehouse"]},
}
KEYS = {key for keys in WORDS["keys"].values() for key in keys}
QUERY = "steps:\n  - key: a\n    uses: query\n    with:\n      "


@pytest.fixture
def editor(page: Page, site):
    """Opens an editor on a text, with the cursor at its end."""
    site.answers["/words/"] = lambda seen: Answer(json.dumps(WORDS), content_type="application/json")

    def open_at_the_end(text: str) -> None:
        area = f'<textarea id="spec" name="spec">\n{text}</textarea>'
        editor = f'<code-editor language="yaml" data-words-url="/words/">{area}</code-editor>'
        page.goto(site.page(f'<label for="spec">Specification</label>{editor}'))
        page.get_by_role("textbox", name="Specification").click()
        page.keyboard.press("ControlOrMeta+End")

    return open_at_the_end


@pytest.mark.parametrize(
    ("text", "typed", "offered"),
    [
        ("steps:\n  - key: a\n    uses: ", "to", "tool:list-issues"),
        ("steps:\n  - key: a\n    ", "ne", "needs"),
        ("", "pa", "params"),
        (QUERY, "sq", "sql"),
        (f"{QUERY}instance: ", "wa", "warehouse"),
        ("steps:\n  - {key: a, uses: ", "qu", "query"),
        ('{"steps": [{"uses": "', "tool", "tool:list-issues"),
    ],
    ids=["uses", "key of a step", "key of the whole", "key of a query", "instance", "in braces", "json"],
)
def test_it_offers_what_fits_and_takes_what_is_chosen(page: Page, editor, text, typed, offered):
    editor(text)
    page.keyboard.type(typed)
    options = page.locator(".cm-tooltip-autocomplete li .cm-completionLabel")
    expect(options).to_have_text([offered])
    options.first.click()
    colon = ": " if offered in KEYS else ""
    expect(page.locator("textarea")).to_have_value(f"{text}{offered}{colon}")


def test_what_is_typed_whole_is_not_offered_so_that_enter_makes_a_line(page: Page, editor):
    editor("steps:\n  - key: a\n    uses: quer")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    page.keyboard.type("y")
    page.keyboard.press("Enter")
    page.keyboard.type("n")
    expect(page.locator(".cm-tooltip-autocomplete li .cm-completionLabel")).to_have_text(["needs"])
    expect(page.locator("textarea")).to_have_value("steps:\n  - key: a\n    uses: query\n    n")


def test_without_an_answer_nothing_is_offered_and_typing_goes_on(page: Page, site, editor):
    editor("")
    site.answers["/words/"] = lambda seen: Answer("gone", status=404)
    page.keyboard.type("steps:")
    expect(page.locator("textarea")).to_have_value("steps:")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    assert len(site.requests("/words/")) <= 1
