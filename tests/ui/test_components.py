"""The component tags, rendered as a page would."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.portal.registry import looks


def render(source: str, **context: object) -> str:
    return Template(source).render(Context({"csrf_token": "the-token", **context}))


@dataclass
class Thing:
    state: str = "failed"

    def __str__(self) -> str:
        return "run <42>"


class Person:
    def __init__(self, *roles: str) -> None:
        self.roles = roles

    def may(self, role: str, project: object = None) -> bool:
        return role in self.roles


@action(label="Cancel", role="operator", confirm="Cancel {subject}?", tone="danger", icon="cancel")
def cancel_thing(thing, *, by):
    raise AssertionError("a button only shows")


@pytest.mark.parametrize("state", looks)
def test_a_badge_tells_its_state_in_words_and_by_icon(state: str) -> None:
    html = render("{% status_badge state %}", state=state)
    assert looks[state].label in html
    assert f"#{looks[state].icon}" in html
    assert f"tone-{looks[state].tone}" in html


def test_a_badge_takes_an_object_and_knows_words_it_never_met() -> None:
    assert "Failed" in render("{% status_badge thing %}", thing=Thing())
    assert "Half done" in render("{% status_badge 'half_done' %}")


def test_an_icon_badge_still_has_its_word() -> None:
    assert 'aria-label="Failed"' in render("{% status_badge 'failed' size='icon' %}")


def test_a_time_stands_absolute_without_script() -> None:
    html = render("{% time_ago at %}", at=datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC))
    assert "<relative-time" in html
    assert "2026-03-01 12:30</time>" in html
    assert 'title="2026-03-01 12:30:05' in html


def test_a_time_that_never_was_is_a_dash() -> None:
    assert "–" in render("{% time_ago at %}", at=None)


def test_a_duration_grows_only_while_running() -> None:
    since = timezone.now() - timedelta(seconds=90)
    assert "<live-duration since=" in render("{% duration ms since=since %}", ms=None, since=since)
    assert "live-duration" not in render("{% duration ms since=since %}", ms=1500, since=since)


def test_an_action_button_posts_with_its_question() -> None:
    html = render("{% action_button act thing '/go/' who %}", act=cancel_thing, thing=Thing(), who=Person("operator"))
    assert 'method="post"' in html
    assert 'action="/go/"' in html
    assert 'data-confirm="Cancel run &lt;42&gt;?"' in html
    assert "the-token" in html
    assert "btn-danger" in html


def test_an_action_button_is_not_shown_to_a_lower_role() -> None:
    html = render("{% action_button act thing '/go/' who %}", act=cancel_thing, thing=Thing(), who=Person("viewer"))
    assert html.strip() == ""


def test_code_is_shown_as_text() -> None:
    html = render("{% code_block text title='Stack' %}", text="<script>alert(1)</script>")
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_json_survives_its_way_into_the_page() -> None:
    value = {"markup": "</code><script>", "at": datetime(2026, 1, 1, tzinfo=UTC), "n": 1.5, "none": None}
    html = render("{% json_block value %}", value=value)
    assert "<script>" not in html
    assert "2026-01-01T00:00:00Z" in html


def test_a_chart_carries_its_figures_as_data_and_as_a_table() -> None:
    data = {"labels": ["10:00", "11:00"], "series": [{"name": "Failed", "tone": "danger", "values": [3, None]}]}
    html = render("{% chart 'bar' data 'Runs an hour' 'runs' %}", data=data)
    block = re.search(r'<script id="runs-data" type="application/json">(.*?)</script>', html)
    assert block is not None
    assert json.loads(block[1]) == data
    assert re.search(r'<th scope="row">11:00</th>\s*<td class="num">–</td>', html)


def test_a_page_header_takes_its_buttons_as_content() -> None:
    html = render(
        "{% page_header 'Run 42' parent='Runs' parent_url='/r/' state='failed' %}<a>Go</a>{% endpage_header %}"
    )
    assert "<h1>Run 42</h1>" in html
    assert '<a href="/r/">Runs</a>' in html
    assert "<a>Go</a>" in html
    assert "Failed" in html


def test_a_page_header_escapes_a_name() -> None:
    assert "<h1>&lt;b&gt;</h1>" in render("{% page_header name %}{% endpage_header %}", name="<b>")


def test_a_field_shows_its_error_and_ties_it_to_the_control() -> None:
    class AgeForm(forms.Form):
        age = forms.IntegerField(help_text="In years")

    form = AgeForm({"age": "x"})
    html = render("{% form_fields form %}", form=form)
    assert "Enter a whole number." in html
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described is not None
    assert all(f'id="{name}"' in html for name in described[1].split())


def test_a_filter_chip_says_what_its_cross_removes() -> None:
    html = render("{% chip 'failed' name='State' remove_url=url %}", url="?a=1&b=2")
    assert 'aria-label="Remove the filter State failed"' in html
    assert 'href="?a=1&amp;b=2"' in html


def test_every_small_component_renders() -> None:
    html = render(
        "{% empty_state 'None yet' 'Start one' action='New' url='/new/' %}{% stat_tile 'Running' 0 tone='info' %}"
        "{% copyable 'abc' %}{% tabs items %}{% notice tone='danger' title='No' %}text{% endnotice %}"
        "{% bytes_size 2048 %}",
        items=[{"label": "Log", "url": "?t=log", "current": True, "count": 0}],
    )
    assert 'aria-current="page"' in html
    assert '<span class="tabs__count">0</span>' in html
    assert 'role="alert"' in html
    assert '<div class="stat-tile__value">0</div>' in html
    assert "2.0 KiB" in html
