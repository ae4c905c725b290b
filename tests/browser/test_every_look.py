"""Light and dark, wide and narrow: nothing is hidden from anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from controlplane.embedded.folders import REPOSITORY
from tests.browser.pages import MAIN, path_of
from tests.browser.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

AXE = Path(REPOSITORY) / "static/node_modules/axe-core/axe.min.js"
CHECK = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}"""
CHECKED = ["overview", "runs", "run", "new run", "editor", "tool"]
PHONE = {"width": 390, "height": 844}
# What sticks out, except inside of what scrolls by itself.
STICKING_OUT = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const parts = scrollWidth > clientWidth ? [...document.querySelectorAll("body *")] : [];
  return parts.filter((part) => part.getBoundingClientRect().right > clientWidth + 1)
    .slice(0, 5).map((part) => part.outerHTML.slice(0, 120));
}"""


def visit(page: Page, name: str, stack: Stack) -> None:
    assert page.goto(f"/p/acme/{path_of(name, stack)}").status == 200
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def findings(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    return page.evaluate(CHECK)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_main_pages(open_as, stack, theme):
    page = open_as(None, "accounts/login/", color_scheme=theme)
    found = {"sign in": findings(page)}
    page = open_as("erin", "runs/", color_scheme=theme)
    for name in CHECKED:
        visit(page, name, stack)
        found[name] = findings(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_no_main_page_scrolls_sideways_on_a_phone(open_as, stack):
    page = open_as("erin", "runs/", viewport=PHONE, has_touch=True, is_mobile=True)
    wide = {}
    for name in MAIN:
        visit(page, name, stack)
        assert page.evaluate("document.documentElement.clientWidth") == PHONE["width"]
        wide[name] = page.evaluate(STICKING_OUT)
    assert {name: parts for name, parts in wide.items() if parts} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_of_the_system_is_followed(open_as, theme):
    page = open_as("bob", "runs/", color_scheme=theme)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3])
    assert (brightness > 600) == (theme == "light")


@pytest.mark.parametrize("width", [1000, 1280, 1440])
def test_a_list_that_has_no_room_scrolls_in_its_frame(open_as, stack, width):
    stack.finished("fan", tags=[letter * 40 for letter in "lmnop"])
    page = open_as("bob", f"runs/?tag={'l' * 40}", viewport={"width": width, "height": 900})
    expect(page.get_by_role("region", name="Runs, table")).to_contain_text("fan")
    assert page.evaluate(STICKING_OUT) == []


def test_the_head_of_a_list_that_has_room_stays_in_the_window(open_as, stack):
    stack.finished("fan")
    page = open_as("bob", "runs/?columns=id,status", viewport={"width": 1440, "height": 300})
    expect(page.locator("list-frame[data-fits]")).to_be_visible()
    assert page.locator("list-frame").evaluate("frame => getComputedStyle(frame).overflowX") == "visible"
