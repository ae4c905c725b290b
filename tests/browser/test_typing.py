"""Real key presses, of every character that is a shortcut somewhere, in every place where one can type."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.editor import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TYPED = "- key: jkx /?"
# What can be typed in and be seen, also inside of shadow roots; a code editor's own text area is hidden behind it.
PLACES = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll("*")) {
      const kinds = ["text", "search", "email", "url", "password"];
      const takes = one.matches("input") ? kinds.includes(one.type) : one.matches("textarea, [contenteditable=true]");
      const open = !one.disabled && !one.readOnly && one.getAttribute("aria-hidden") !== "true";
      if (takes && open && one.checkVisibility()) found.push(one);
      if (one.shadowRoot) look(one.shadowRoot);
    }
  };
  look(document);
  window.places = found;
  return found.length;
}"""
FOCUS = """(index) => {
  const place = window.places[index];
  place.scrollIntoView({ block: "center" });
  place.focus();
}"""
# The text of an editor is that which its form would send.
READ = """(index) => {
  const place = window.places[index];
  return place.value ?? place.getRootNode().host.closest("code-editor").querySelector("textarea").value;
}"""
PAGES = {
    "draft": "workflows/{steady}/draft",
    "new workflow": "workflows/new",
    "details": "workflows/{steady}/details",
    "import": "workflows/import",
    "import of a draft": "workflows/{steady}/draft/import",
    "release": "workflows/{fan}/draft/release",
    "start": "runs/new?workflow={steady}",
    "start with JSON": "runs/new?workflow={steady}&as_json=1",
    "runs": "runs/",
    "workflows": "workflows/",
    "search": "search",
    "tool": "tools/new?kind=http",
    "SQL tool": "tools/new?kind=sql",
    "agent": "agents/new?kind=llm",
    "instance": "instances/new?kind=postgres",
    "trial": "tools/{tool}/trial",
    "members": "members/",
    "tokens": "tokens/",
    "secrets": "secrets/",
    "project": "settings/",
}


def type_everywhere(page: Page) -> int:
    """Types in every place there is and reads it back. The number of places."""
    count = page.evaluate(PLACES)
    for index in range(count):
        page.evaluate(FOCUS, index)
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.press("Delete")
        page.keyboard.type(TYPED)
        assert page.evaluate(READ, index) == TYPED
        assert page.locator("dialog[open]").count() == 0
    return count


@pytest.fixture(scope="module")
def ids(stack) -> dict[str, int]:
    return {**stack.seeded["workflows"], "tool": stack.api("tools")["results"][0]["id"]}


def test_what_is_typed_stands_there_on_every_kind_of_page(open_as, ids):
    page = open_as("alice", "workflows/{fan}/draft".format(**ids))
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("toast-stack")).to_contain_text("The draft is saved.")
    found = {}
    for name, path in PAGES.items():
        assert page.goto(f"/p/acme/{path.format(**ids)}").status == 200
        expect(page.locator("code-editor:not([data-ready])")).to_have_count(0)
        found[name] = type_everywhere(page)
    assert min(found.values()) >= 1, found
    assert found["draft"] >= 2


def test_what_is_typed_stands_in_menus_panels_and_dialogs(open_as, stack, ids):
    stack.finished("broken", tags=["typing"])
    page = open_as("alice", "runs/?tag=typing")
    page.keyboard.press("Control+k")
    page.keyboard.type(TYPED)
    expect(page.get_by_role("combobox", name="Search pages, actions and objects")).to_have_value(TYPED)
    page.keyboard.press("Escape")

    page.locator("[data-select-row]").first.check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog").get_by_label("Tags").press_sequentially(TYPED)
    expect(page.get_by_role("dialog").get_by_label("Tags")).to_have_value(TYPED)
    page.get_by_role("button", name="No, go back").click()

    page.locator("summary", has_text=re.compile("view", re.I)).first.click()
    page.get_by_label("Save what is shown as").press_sequentially(TYPED)
    expect(page.get_by_label("Save what is shown as")).to_have_value(TYPED)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Save what is shown as")).to_be_hidden()
    expect(page.locator("[data-select-row]").first).to_be_checked()

    page.goto("/p/acme/workflows/{steady}/draft".format(**ids))
    page.get_by_role("textbox", name="Specification").click()
    page.keyboard.press("Control+f")
    page.keyboard.type(TYPED)
    expect(page.locator(".cm-search input[name=search]")).to_have_value(TYPED)
    page.keyboard.press("Escape")
    expect(page.locator(".cm-search")).to_have_count(0)


def test_a_composed_character_is_no_shortcut(open_as):
    page = open_as("bob", "runs/")
    press = """(options) => document.body.dispatchEvent(
      new KeyboardEvent("keydown", { key: "?", bubbles: true, composed: true, ...options }))"""
    page.evaluate(press, {"isComposing": True})
    page.evaluate(press, {"keyCode": 229})
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate(press, {})
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_escape_in_an_editor_stays_in_it(open_as, ids):
    page = open_as("erin", "workflows/{lingering}/draft".format(**ids))
    box = page.get_by_role("textbox", name="Specification")
    box.click()
    page.keyboard.press("Escape")
    page.keyboard.type("x")
    expect(box).to_be_focused()
    expect(page.locator("code-editor textarea")).to_have_value(re.compile("x"))


@pytest.mark.parametrize("key", ["Control+s", "Meta+s"])
def test_every_field_of_an_editor_saves_by_key(open_as, ids, key):
    page = open_as("erin", "workflows/{broken}/draft".format(**ids))
    for place in (
        page.get_by_role("textbox", name="Specification"),
        page.get_by_label("Note"),
        page.get_by_label("Syntax"),
    ):
        place.focus()
        page.keyboard.press(key)
        said = page.locator("toast-stack").get_by_text("The draft is saved.")
        expect(said).to_be_visible()
        page.locator(".toast-item__close").click()
        expect(said).to_have_count(0)
    page.goto("/p/acme/workflows/{broken}/details".format(**ids))
    page.get_by_label("Description").fill(f"saved by {key}")
    page.keyboard.press(key)
    expect(page).to_have_url(re.compile(r"/workflows/\d+/$"))
    expect(page.locator(".page-header")).to_contain_text(f"saved by {key}")


def test_the_same_key_starts_no_run(open_as, ids):
    page = open_as("bob", "runs/new?workflow={steady}&as_json=1".format(**ids))
    write(page, "Inputs", json.dumps({}))
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.keyboard.press("Control+s")
    page.keyboard.press("?")
    expect(page.locator("code-editor textarea")).to_have_value("{}?")
    assert sent == []
