"""What one types is not lost: by a link, a reload, a refusal, or somebody else at the same browser."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.editor import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BACK = "What you typed here is back."
STORED = "() => JSON.stringify(Object.entries(sessionStorage).filter(([key]) => !key.startsWith('htmx')))"
TEXT = "steps:\n  - key: {}\n    uses: noop\n"


@pytest.fixture
def workflow(stack) -> str:
    """The path of a workflow of its own, released, without a draft."""
    name = f"unsaved-{uuid4().hex[:12]}"
    made = stack.api("workflows", {"project": "acme", "name": name, "specification": TEXT.format("first")}, by="erin")
    stack.api(f"workflows/{made['id']}/publish", {}, by="erin")
    return f"workflows/{made['id']}/"


def asked_before(page: Page, leave) -> int:
    """How often the browser asked before `leave()`, each time answered with staying."""
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    leave()
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    return len([kind for kind in asked if kind == "beforeunload"])


def stays_with(page: Page, text: str) -> None:
    expect(page.locator("code-editor textarea")).to_have_value(text)


def test_leaving_an_unsaved_draft_asks_and_a_saved_one_does_not(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    crumb = page.get_by_label("Breadcrumb").get_by_role("link")
    page.get_by_role("textbox", name="Specification").click()
    page.keyboard.type("# x")
    assert asked_before(page, lambda: crumb.click(no_wait_after=True)) == 1
    expect(page).to_have_url(re.compile("/draft$"))
    page.keyboard.press("Control+s")
    expect(page.locator("toast-stack")).to_contain_text("The draft is saved.")
    crumb.click()
    expect(page).to_have_url(re.compile(r"/workflows/\d+/$"))


def test_a_reload_brings_back_what_was_typed_and_it_can_be_discarded(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    written = page.locator("code-editor textarea").input_value()
    write(page, "Specification", TEXT.format("second"))
    page.get_by_label("Note").fill("half a thought")
    page.reload()
    expect(page.locator("toast-stack")).to_contain_text(BACK)
    stays_with(page, TEXT.format("second"))
    expect(page.locator(".cm-content")).to_contain_text("second")
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    page.get_by_role("button", name="Discard it").click()
    stays_with(page, written)
    expect(page.get_by_label("Note")).to_have_value("")
    page.reload()
    stays_with(page, written)
    expect(page.locator("toast-stack")).not_to_contain_text(BACK)


def test_text_that_comes_back_does_not_overwrite_what_others_saved_meanwhile(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    write(page, "Specification", TEXT.format("mine"))
    other = open_as("alice", f"{workflow}draft")
    write(other, "Specification", TEXT.format("theirs"))
    other.get_by_role("button", name="Save draft").click()
    expect(other.locator("toast-stack")).to_contain_text("The draft is saved.")
    page.reload()
    stays_with(page, TEXT.format("mine"))
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#draft-state")).to_contain_text("Somebody else was faster")
    stays_with(page, TEXT.format("mine"))


def test_a_test_run_runs_what_is_on_the_screen_and_its_button_comes_with_the_first_draft(open_as, stack, workflow):
    page = open_as("erin", f"{workflow}draft")
    test_run = page.get_by_role("link", name="Test run")
    expect(test_run).to_have_count(0)
    page.get_by_role("button", name="Save draft").click()
    expect(test_run).to_be_visible()
    write(page, "Specification", TEXT.format("on_screen"))
    test_run.click()
    expect(page.locator("toast-stack")).to_contain_text("The draft is saved.")
    page.get_by_role("button", name="Start run").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    run = int(page.url.rstrip("/").rsplit("/", 1)[1])
    assert [step["key"] for step in stack.steps(run)] == ["on_screen"]


def test_a_comparison_shows_what_is_on_the_screen(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    write(page, "Specification", TEXT.format("compared"))
    page.get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile("/diff$"))
    expect(page.locator(".diff__side--added").first).to_contain_text("compared")


def test_a_draft_that_cannot_run_is_kept_and_not_tested(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    page.get_by_role("button", name="Save draft").click()
    write(page, "Specification", "steps:\n  - key: one\n    uses: tool:nowhere\n")
    page.get_by_role("link", name="Test run").click()
    expect(page.locator("#draft-state")).to_contain_text("Saved, but not tested")
    expect(page.locator("#draft-state")).to_contain_text("nowhere")


def test_the_note_is_saved_with_the_draft(open_as, workflow):
    page = open_as("erin", f"{workflow}draft")
    page.get_by_label("Note").fill("why it changed")
    page.keyboard.press("Control+s")
    expect(page.locator("toast-stack")).to_contain_text("The draft is saved.")
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("why it changed")
    expect(page.locator("toast-stack")).not_to_contain_text(BACK)


def test_a_refused_form_is_still_unsaved(open_as):
    page = open_as("erin", "workflows/new")
    page.get_by_label("Name").fill("Not a name")
    page.get_by_role("button", name="Create workflow").click()
    expect(page.locator(".field--invalid")).to_be_visible()
    page.get_by_label("Name").click()
    assert asked_before(page, lambda: page.get_by_role("link", name="Cancel").click(no_wait_after=True)) == 1
    page.goto("/p/acme/workflows/")
    page.goto("/p/acme/workflows/new")
    expect(page.get_by_label("Name")).to_have_value("Not a name")


def test_what_was_saved_does_not_come_back(open_as):
    page = open_as("alice", "members/")
    page.get_by_label("E-mail").fill("somebody@example.com")
    page.get_by_role("button", name=re.compile("Invite")).click()
    expect(page.locator("toast-stack")).to_contain_text("is invited")
    expect(page.get_by_label("E-mail")).to_have_value("")
    assert page.evaluate(STORED) == "[]"


def test_passwords_and_secrets_are_kept_nowhere(open_as):
    page = open_as("alice", "secrets/")
    page.get_by_label("Name").fill("api_key")
    page.get_by_label("Value").fill("hush-hush")
    page.reload()
    expect(page.get_by_label("Name")).to_have_value("api_key")
    expect(page.get_by_label("Value")).to_have_value("")
    page.goto("/p/acme/instances/new?kind=postgres")
    page.get_by_label("Description").fill("a database")
    page.get_by_label("Connection").fill("postgresql://user:hush-hush@db/x")
    page.reload()
    expect(page.get_by_label("Description")).to_have_value("a database")
    assert "hush-hush" not in page.evaluate(STORED)


def test_the_next_person_in_the_same_tab_sees_nothing_of_it(open_as, stack, workflow):
    page = open_as("erin", f"{workflow}draft")
    write(page, "Specification", TEXT.format("erins"))
    page.get_by_label("Note").fill("of erin")
    page.context.add_cookies([{"name": "sessionid", "value": stack.sessions["alice"], "url": stack.url}])
    page.reload()
    expect(page.locator(".sidebar .user-button")).to_contain_text("alice")
    expect(page.get_by_label("Note")).to_have_value("")
    assert "erins" not in page.evaluate(STORED)


@pytest.mark.parametrize(
    ("status", "said"), [(401, "signed out"), (403, "reload it"), (429, "too many"), (500, "could not answer (500)")]
)
def test_a_check_that_failed_is_not_taken_for_no_problems(open_as, workflow, status, said):
    page = open_as("erin", f"{workflow}draft")
    answer = json.dumps({"status": status, "detail": "No."})
    page.route("**/workflows/check*", lambda route: route.fulfill(status=status, body=answer))
    state = page.locator(".code-editor__status")
    page.get_by_role("textbox", name="Specification").click()
    page.keyboard.type("# ")
    expect(state).to_contain_text("Could not check: ")
    expect(state).to_contain_text(said)
    page.unroute("**/workflows/check*")
    page.keyboard.type("x")
    expect(state).to_have_text("No problems")
    page.context.set_offline(True)
    page.keyboard.type("y")
    expect(state).to_have_text("Could not check: the server cannot be reached.")
