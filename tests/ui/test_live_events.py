"""The page's socket against a real WebSocket server that misbehaves on purpose."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from queue import Queue

import pytest
from playwright.sync_api import Page, expect
from websockets.sync.server import Server, ServerConnection, serve

from tests.ui.site import Answer, Site

pytestmark = pytest.mark.browser
# Playwright's own polling evaluates text, which the policy forbids.
ALL_FRAMES_ARRIVED = """new Promise((done) => {
    const look = () => (window.got.length === 54 ? done() : setTimeout(look, 50));
    look();
})"""


def frame(seq: int, type: str = "step.succeeded") -> str:
    return json.dumps({"seq": seq, "type": type, "at": "2026-01-01T00:00:00Z", "data": {}})


class Events:
    """Each connection plays the next script: a list of frames, then a close code (or None: stay open)."""

    def __init__(self) -> None:
        self.scripts: Queue[tuple[list[str], int | None]] = Queue()
        self.asked: list[str] = []
        quiet = logging.getLogger("tests.ui.events")
        quiet.propagate = False
        self.server: Server = serve(self.play, "127.0.0.1", 0, logger=quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"

    def play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.asked.append(connection.request.path)
        frames, close = self.scripts.get(timeout=20)
        for one in frames:
            connection.send(one)
        if close is not None:
            return connection.close(close)
        for _ in connection:
            continue


@pytest.fixture
def events() -> Iterator[Events]:
    events = Events()
    yield events
    events.server.shutdown()


def open_page(page: Page, site: Site, events: Events, more: str = "") -> None:
    page.add_init_script(
        "window.got = []; document.addEventListener('live:event', (event) => window.got.push(event.detail.seq))"
    )
    page.goto(site.page(f'<live-events url="{events.address}/ws/runs/42" after="5"></live-events>{more}'))


def test_it_resumes_after_the_last_frame_and_shows_none_twice(page: Page, site: Site, events: Events) -> None:
    caught_up = json.dumps({"type": "caught_up", "seq": 8})
    events.scripts.put(([frame(5), frame(6), frame(7)], 1011))
    events.scripts.put(([frame(6), frame(7), frame(8), caught_up], None))
    open_page(page, site, events)
    expect(page.locator("live-events")).to_have_attribute("data-state", "live")
    expect(page.get_by_role("status").first).to_have_text("Live")
    assert page.evaluate("window.got") == [6, 7, 8]
    assert events.asked == ["/ws/runs/42?after=5", "/ws/runs/42?after=7"]


def test_it_says_when_it_is_away_and_when_it_is_back(page: Page, site: Site, events: Events) -> None:
    page.add_init_script(
        "window.said = []; document.addEventListener('live:state', ({target}) => window.said.push(target.textContent))"
    )
    caught_up = json.dumps({"type": "caught_up", "seq": 5})
    events.scripts.put(([caught_up], 1011))
    events.scripts.put(([caught_up], None))
    open_page(page, site, events)
    expect(page.get_by_text("Connected again")).to_be_visible()
    expect(page.get_by_role("status").first).to_have_text("Live")
    assert page.evaluate("window.said") == ["Connecting", "Live", "Reconnecting…", "Connected again"]


def test_a_refresh_that_failed_is_made_up_for(page: Page, site: Site, events: Events) -> None:
    part = '<section id="part" hx-get="/part/" hx-trigger="live" hx-swap="outerHTML" data-live-refresh="">{}</section>'
    answers = iter([Answer(status=503), Answer(part.format("new"))])
    site.answers["/part/"] = lambda seen: next(answers)
    events.scripts.put(([frame(6)], None))
    open_page(page, site, events, part.format("old"))
    expect(page.locator("#part")).to_have_text("new", timeout=12_000)
    expect(page.locator(".toast-item")).to_have_count(0)


@pytest.mark.parametrize("code", [4401, 4403])
def test_it_stops_and_says_so_when_access_ends(page: Page, site: Site, events: Events, code: int) -> None:
    events.scripts.put(([], code))
    open_page(page, site, events)
    expect(page.get_by_text("access has ended")).to_be_visible()
    page.wait_for_timeout(1500)
    assert len(events.asked) == 1


def test_a_burst_refreshes_only_what_it_concerns_and_at_most_once_a_second(
    page: Page, site: Site, events: Events
) -> None:
    site.answers["/part/"] = lambda seen: Answer(
        '<section id="part" hx-get="/part/" hx-trigger="live" hx-swap="outerHTML" data-live-refresh="step.">'
        f"{len(site.requests('/part/'))}</section>"
    )
    site.answers["/other/"] = lambda seen: Answer("no")
    events.scripts.put(([frame(seq) for seq in range(6, 60)], None))
    open_page(
        page,
        site,
        events,
        '<section id="part" hx-get="/part/" hx-trigger="live" hx-swap="outerHTML" data-live-refresh="step.">0</section>'
        '<section id="other" hx-get="/other/" hx-trigger="live" data-live-refresh="run.finished">-</section>',
    )
    expect(page.locator("#part")).not_to_have_text("0")
    page.evaluate(ALL_FRAMES_ARRIVED)
    page.wait_for_timeout(1500)
    assert len(site.requests("/part/")) <= 3
    assert site.requests("/other/") == []
