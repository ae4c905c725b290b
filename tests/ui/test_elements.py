"""The custom elements in a real browser, each by its promise."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.ui.site import Answer, Seen, Site

pytestmark = pytest.mark.browser

LOG = """<log-tail data-url="/lines/"><div class="log"><div class="log__bar">
<select data-log-level aria-label="Level"><option value="">All</option><option value="error">Errors</option></select>
<input type="checkbox" data-log-follow checked aria-label="Follow"><span data-log-count></span></div>
<div class="log__lines" data-log-lines tabindex="0"></div></div></log-tail>"""
ROWS = "".join(f'<li><input type="checkbox" data-select-row name="selected" value="{n}"></li>' for n in range(6))
BULK = f"""<bulk-selection><form method="post" action="/bulk/"><input type="checkbox" data-select-page id="page">
<ul>{ROWS}</ul><div data-bulk-bar hidden><span data-count data-total="40"></span>
<input type="hidden" name="all_matching" value=""><button type="button" data-select-all>All 40</button>
<button type="button" data-select-none>None</button></div></form></bulk-selection>"""


def test_a_dangerous_form_asks_and_names_the_thing(site: Site, page: Page) -> None:
    site.answers["/delete/"] = lambda seen: Answer("<p>gone</p>")
    page.goto(
        site.page(
            '<form method="post" action="/delete/" data-confirm="Delete agent triager?" data-confirm-label="Delete">'
            '<button name="how" value="soft">Go</button></form>'
        )
    )
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Delete agent triager?")).to_be_visible()
    page.keyboard.press("Escape")
    assert site.requests("/delete/") == []
    page.get_by_role("button", name="Go").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("gone")).to_be_visible()
    assert site.requests("/delete/")[0].body == {"how": "soft"}


def test_a_confirmed_htmx_form_swaps_its_part(site: Site, page: Page) -> None:
    site.answers["/act/"] = lambda seen: Answer('<div id="part">done</div>')
    page.goto(
        site.page(
            '<div id="part"></div><form hx-post="/act/" hx-target="#part" hx-swap="outerHTML" data-confirm="Sure?">'
            "<button>Go</button></form>"
        )
    )
    page.get_by_role("button", name="Go").click()
    assert site.requests("/act/") == []
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.locator("#part")).to_have_text("done")
    assert len(site.requests("/act/")) == 1


def test_a_failed_request_is_a_toast_with_retry_and_never_half_a_page(site: Site, page: Page) -> None:
    answers = iter([Answer("<h1>Trace</h1>", status=503), Answer("<b>fresh</b>")])
    site.answers["/part/"] = lambda seen: next(answers)
    page.goto(site.page('<div id="part">old</div><button hx-get="/part/" hx-target="#part">Load</button>'))
    page.get_by_role("button", name="Load").click()
    expect(page.locator("toast-stack")).to_contain_text("503")
    expect(page.locator("#part")).to_have_text("old")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#part")).to_have_text("fresh")


def test_a_refusal_that_may_pass_has_its_words_and_a_retry(site: Site, page: Page) -> None:
    trigger = json.dumps({"toast": {"message": "The database does not answer.", "tone": "danger", "retry": True}})
    answers = iter([Answer(status=503, headers={"HX-Trigger": trigger}), Answer("<b>fresh</b>")])
    site.answers["/part/"] = lambda seen: next(answers)
    page.goto(site.page('<div id="part">old</div><button hx-get="/part/" hx-target="#part">Load</button>'))
    page.get_by_role("button", name="Load").click()
    expect(page.locator(".toast-item")).to_have_count(1)
    expect(page.locator(".toast-item")).to_contain_text("The database does not answer.")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#part")).to_have_text("fresh")


def test_a_network_that_fails_is_a_toast_with_retry(site: Site, page: Page) -> None:
    site.answers["/part/"] = lambda seen: Answer("<b>fresh</b>")
    page.goto(site.page('<div id="part">old</div><button hx-get="/part/" hx-target="#part">Load</button>'))
    page.route("**/part/", lambda route: route.abort())
    page.get_by_role("button", name="Load").click()
    expect(page.locator("toast-stack")).to_contain_text("cannot be reached")
    expect(page.locator("#part")).to_have_text("old")
    page.unroute("**/part/")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#part")).to_have_text("fresh")


def test_a_whole_page_is_never_put_into_a_part(site: Site, page: Page) -> None:
    site.answers["/part/"] = lambda seen: Answer("<!doctype html><html><body><h1>Sign in</h1></body></html>")
    page.goto(site.page('<div id="part">old</div><button hx-get="/part/" hx-target="#part">Load</button>'))
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_role("link", name="Open it")).to_have_attribute("href", f"{site.address}/part/")
    expect(page.locator("#part")).to_have_text("old")


def test_a_toast_may_lead_somewhere(site: Site, page: Page) -> None:
    shown = {"message": "You are signed out.", "tone": "warning", "url": "/in/", "label": "Sign in"}
    site.answers["/part/"] = lambda seen: Answer(status=401, headers={"HX-Trigger": json.dumps({"toast": shown})})
    page.goto(site.page('<button hx-get="/part/">Load</button>'))
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_role("link", name="Sign in")).to_have_attribute("href", "/in/")


def test_a_refusal_shows_the_servers_own_words(site: Site, page: Page) -> None:
    trigger = json.dumps({"toast": {"message": "It is <b>finished</b>.", "tone": "danger"}})
    site.answers["/part/"] = lambda seen: Answer(status=409, headers={"HX-Trigger": trigger})
    page.goto(site.page('<button hx-post="/part/">Stop</button>'))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast-item")).to_have_count(1)
    expect(page.locator(".toast-item")).to_contain_text("It is <b>finished</b>.")


def test_shift_click_selects_a_range_and_all_matching_is_offered_for_a_full_page(site: Site, page: Page) -> None:
    page.goto(site.page(BULK))
    rows = page.locator("[data-select-row]")
    rows.nth(1).click()
    rows.nth(4).click(modifiers=["Shift"])
    expect(page.locator("[data-count]")).to_have_text("4 selected")
    expect(page.locator("[data-select-all]")).to_be_hidden()
    page.locator("#page").click()
    page.locator("[data-select-all]").click()
    expect(page.locator("[data-count]")).to_have_text("All 40 matching selected")
    expect(page.locator("[name=all_matching]")).to_have_value("1")
    rows.nth(0).click()
    expect(page.locator("[name=all_matching]")).to_have_value("")
    page.locator("[data-select-none]").click()
    expect(page.locator("[data-bulk-bar]")).to_be_hidden()


def test_a_filter_submits_itself_without_empty_fields(site: Site, page: Page) -> None:
    site.answers["/list/"] = lambda seen: Answer("<p>rows</p>")
    page.goto(
        site.page(
            '<div id="list"></div><filter-form><form hx-get="/list/" hx-target="#list"><input type="search" name="q">'
            '<select name="state"><option value=""></option><option>failed</option></select></form></filter-form>'
        )
    )
    page.locator("select").select_option("failed")
    expect(page.locator("#list")).to_have_text("rows")
    assert site.requests("/list/")[0].query == {"state": "failed"}


def numbered(first: int, last: int, levels: tuple[str, ...] = ("info",)) -> list[dict[str, object]]:
    return [
        {
            "n": n,
            "at": "2026-01-01T00:00:00Z",
            "level": levels[n % len(levels)],
            "step": "a",
            "attempt": 1,
            "text": f"line {n} <i>",
        }
        for n in range(first, last + 1)
    ]


def log_answer(total: int, chunk: int = 5000):
    def answer(seen: Seen) -> Answer:
        after = int(seen.query["after"])
        upto = min(after + chunk, total)
        body = {"lines": numbered(after + 1, upto), "next": upto, "done": upto == total}
        return Answer(json.dumps(body), content_type="application/json")

    return answer


def test_a_log_shows_lines_as_text_filters_by_level_and_ends(site: Site, page: Page) -> None:
    lines = numbered(1, 10, ("error", "info"))
    body = json.dumps({"lines": lines, "next": 10, "done": True})
    site.answers["/lines/"] = lambda seen: Answer(
        body if seen.query["after"] == "0" else '{"lines": [], "next": 10, "done": true}',
        content_type="application/json",
    )
    page.goto(site.page(LOG))
    expect(page.locator("[data-log-count]")).to_have_text("10 lines")
    expect(page.get_by_text("line 3 <i>")).to_be_visible()
    page.locator("[data-log-level]").select_option("error")
    expect(page.locator(".log__line:visible")).to_have_count(5)


@pytest.mark.parametrize("answer", [Answer(status=302, headers={"Location": "/in/"}), Answer(status=404)])
def test_a_log_that_one_may_not_see_any_more_says_so_and_stops(site: Site, page: Page, answer: Answer) -> None:
    site.answers["/lines/"] = lambda seen: answer
    page.goto(site.page(LOG))
    expect(page.locator("[data-log-count]")).to_have_text("Not followed: access has ended")
    page.evaluate(
        """async () => {
            document.dispatchEvent(new CustomEvent("live:event", {detail: {type: "run.logs"}}));
            await new Promise((resolve) => setTimeout(resolve));
            await fetch("/");
        }"""
    )
    assert (len(site.requests("/lines/")), site.requests("/in/")) == (1, [])


def test_a_log_that_fails_for_a_moment_goes_on(site: Site, page: Page) -> None:
    body = json.dumps({"lines": numbered(1, 10, ("info",)), "next": 10, "done": True})
    answers = iter([Answer(status=503), Answer(status=429)])
    site.answers["/lines/"] = lambda seen: next(answers, Answer(body, content_type="application/json"))
    page.goto(site.page(LOG))
    expect(page.locator("[data-log-count]")).to_have_text("10 lines")


PASSKEY = """<passkey-form verb="create" options="options" instead="none" hidden><form><input name="credential">
</form></passkey-form><p id="none" hidden>No passkeys here.</p>"""


@pytest.mark.parametrize("known", [True, False])
def test_a_browser_without_passkeys_is_told_so(site: Site, page: Page, known: bool) -> None:
    page.add_init_script("" if known else "delete window.PublicKeyCredential")
    page.goto(site.page(PASSKEY))
    expect(page.locator("form")).to_be_visible(visible=known)
    expect(page.get_by_text("No passkeys here.")).to_be_visible(visible=not known)


ZONES = [("Asia/Kolkata", r"05:30:00\.250"), ("Mars/Olympus", r"\d\d:\d\d:00\.250")]


@pytest.mark.parametrize(("zone", "clock"), ZONES)
def test_a_log_tells_the_time_in_the_zone_of_the_page(site: Site, page: Page, zone: str, clock: str) -> None:
    line = numbered(1, 1, ("info",))[0] | {"at": "2026-01-01T00:00:00.250Z"}
    body = json.dumps({"lines": [line], "next": 1, "done": True})
    site.answers["/lines/"] = lambda seen: Answer(body, content_type="application/json")
    page.goto(site.page(LOG, zone))
    expect(page.locator(".log__level").first).to_have_attribute("data-at", re.compile(f"^{clock}$"))


def test_a_document_shows_numbers_as_they_were_written_and_text_as_text(site: Site, page: Page) -> None:
    document = {"id": 9007199254740993, "price": 1.50, "html": "<b>bold</b>", "none": None, "many": [1, 2]}
    text = json.dumps(document).replace("1.5,", "1.50,").replace("<", "&lt;")
    page.goto(site.page(f"<json-view><pre><code>{text}</code></pre></json-view>"))
    tree = page.locator(".json-view__scroll")
    expect(tree).to_contain_text("id: 9007199254740993")
    expect(tree).to_contain_text("price: 1.50")
    expect(tree).to_contain_text('html: "<b>bold</b>"')
    expect(tree.locator("b")).to_have_count(0)


def test_a_log_of_100_000_lines_stays_smooth(site: Site, page: Page) -> None:
    site.answers["/lines/"] = log_answer(100_000)
    page.goto(site.page(LOG))
    expect(page.locator("[data-log-count]")).to_have_text("100,000 lines", timeout=60_000)
    slowest = page.evaluate(
        """async () => {
            const box = document.querySelector("[data-log-lines]");
            let last = performance.now(), slowest = 0;
            for (let i = 0; i < 30; i++) {
                box.scrollTop = (box.scrollHeight * i) / 30;
                await new Promise(requestAnimationFrame);
                slowest = Math.max(slowest, performance.now() - last);
                last = performance.now();
            }
            return slowest;
        }"""
    )
    print(f"slowest frame while scrolling: {slowest:.0f} ms")
    assert page.locator(".log__line").count() == 100_000
    assert "line 99999 " in page.locator("[data-log-lines]").text_content()


def test_reading_older_lines_stops_following(site: Site, page: Page) -> None:
    site.answers["/lines/"] = log_answer(500)
    page.goto(site.page(LOG))
    follow = page.locator("[data-log-follow]")
    expect(page.locator("[data-log-count]")).to_have_text("500 lines")
    expect(follow).to_be_checked()
    page.locator("[data-log-lines]").hover()
    page.mouse.wheel(0, -600)
    expect(follow).not_to_be_checked()


def test_the_editor_writes_back_marks_errors_and_saves_by_key(site: Site, page: Page) -> None:
    problems = [{"line": 2, "field": "steps[0].uses", "message": "There is no such tool."}]
    site.answers["/check/"] = lambda seen: Answer(json.dumps({"errors": problems}), content_type="application/json")
    site.answers["/save/"] = lambda seen: Answer("<p>saved</p>")
    page.goto(
        site.page(
            '<form method="post" action="/save/" data-saves><label for="spec">Specification</label>'
            '<code-editor language="json" data-validate-url="/check/"><textarea id="spec" name="spec">{\n}</textarea>'
            "</code-editor></form>"
        )
    )
    editor = page.get_by_role("textbox", name="Specification")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" ")
    expect(page.get_by_role("button", name="Line 2, steps[0].uses: There is no such tool.")).to_be_visible()
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    assert site.requests("/check/")[-1].body["text"] == "{\n} "
    page.keyboard.press("Control+s")
    expect(page.get_by_text("saved")).to_be_visible()
    assert site.requests("/save/")[0].body["spec"].replace("\r\n", "\n") == "{\n} "


def test_charts_draw_under_the_strict_policy_and_keep_their_table(site: Site, page: Page) -> None:
    data = json.dumps({"labels": ["a", "b"], "series": [{"name": "Runs", "tone": "info", "values": [1, 2]}]})
    table = '<div class="chart-table"><table><tr><td>1</td></tr></table></div>'
    block = f'<script type="application/json">{data}</script>{table}'
    page.goto(site.page(f'<bar-chart label="Runs">{block}</bar-chart><line-chart label="Time">{block}</line-chart>'))
    expect(page.get_by_role("img", name="Runs")).to_be_visible()
    expect(page.get_by_role("img", name="Time")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(2)


def test_times_and_durations_move_on(site: Site, page: Page) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 125))
    page.goto(
        site.page(
            f'<relative-time><time datetime="{now}" title="2026-01-01">then</time></relative-time>'
            f'<live-duration since="{now}">x</live-duration>'
        )
    )
    expect(page.locator("time")).to_have_text("2 m ago")
    duration = page.locator("live-duration")
    expect(duration).to_have_text(re.compile(r"2 m \d\d s"))
    shown = duration.inner_text()
    expect(duration).not_to_have_text(shown)


def test_a_menu_closes_on_escape_and_gives_focus_back(site: Site, page: Page) -> None:
    page.goto(
        site.page('<drop-menu><details class="menu"><summary>Open</summary><a href="#a">One</a></details></drop-menu>')
    )
    page.get_by_text("Open").click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("One")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_text("One")).to_be_hidden()
    expect(page.locator("summary")).to_be_focused()
