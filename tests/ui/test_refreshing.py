"""A part of an open page asks for what it does not show yet, as often as the server can bear."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.ui.site import Answer, Seen, Site
from tests.ui.test_live_events import Events, events, frame, open_page

__all__ = ["events"]
pytestmark = pytest.mark.browser
PART = '<section id="part" hx-get="/part/" hx-trigger="live" hx-swap="outerHTML" data-live-refresh="step.">{}</section>'


def answers(site: Site, *scripted: Answer) -> None:
    left = list(scripted)
    site.answers["/part/"] = lambda seen: left.pop(0) if len(left) > 1 else left[0]


def shown(text: str, **headers: str) -> Answer:
    return Answer(PART.format(text), headers={"ETag": f'"{text}"', "Live-Pace": "500", **headers})


def asked(site: Site) -> list[tuple[str | None, str | None]]:
    """Of each refresh what it had heard of, and what it showed."""

    def headers(seen: Seen) -> tuple[str | None, str | None]:
        sent = {name.lower(): value for name, value in seen.headers.items()}
        return sent.get("live-after"), sent.get("if-none-match")

    return [headers(seen) for seen in site.requests("/part/")]


def test_it_says_what_it_has_heard_of_and_what_it_shows(page: Page, site: Site, events: Events) -> None:
    answers(site, shown("one"), Answer(status=304, headers={"Live-Pace": "500"}))
    events.scripts.put(([frame(6)], 1011))
    events.scripts.put(([frame(7)], None))
    open_page(page, site, events, PART.format("none"))
    expect(page.locator("#part")).to_have_text("one")
    page.locator("#part").evaluate("part => { part.isTheSame = true; }")
    with page.expect_response("**/part/") as again:
        pass
    assert again.value.status == 304
    assert asked(site) == [("6", None), ("7", '"one"')]
    assert page.locator("#part").evaluate("part => part.isTheSame")


def test_what_is_behind_is_asked_for_again(page: Page, site: Site, events: Events) -> None:
    answers(site, shown("old", **{"Live-Behind": "1"}), shown("new"))
    events.scripts.put(([frame(6)], None))
    open_page(page, site, events, PART.format("none"))
    expect(page.locator("#part")).to_have_text("new")
    assert asked(site) == [("6", None), ("6", '"old"')]


def test_a_server_that_has_much_to_do_slows_it_down_and_it_says_so(page: Page, site: Site, events: Events) -> None:
    answers(site, shown("one", **{"Live-Pace": "4000"}))
    events.scripts.put(([frame(6), '{"type": "caught_up", "seq": 6}'], None))
    open_page(page, site, events, PART.format("none"))
    expect(page.get_by_role("status").first).to_have_text("Live, every 4 s")


def test_nobody_who_does_not_look_is_hurried(page: Page, site: Site, events: Events) -> None:
    answers(site, shown("one", **{"Live-Behind": "1"}), shown("two"))
    events.scripts.put(([frame(6)], None))
    hidden = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.isHidden});"
    page.add_init_script(f"window.isHidden = true; {hidden}")
    open_page(page, site, events, PART.format("none"))
    expect(page.locator("#part")).to_have_text("one")
    page.wait_for_timeout(2500)
    assert len(asked(site)) == 1
    page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#part")).to_have_text("two", timeout=2000)
