"""Pieces of table cells, drawn by the component templates but quick enough for hundreds on a page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.template import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.ui.formats import duration_text
from controlplane.ui.states import look_of

NO_MOMENT = SafeString('<span class="faint">–</span>')


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def row_link(view: str, row: Any, text: object) -> SafeString:
    """A link to the page `view` of a row of a project, without asking all addresses for each row."""
    before, after = around_pk(view, row.project.slug)
    return link(f"{before}{row.pk}{after}", text)


@lru_cache(maxsize=1000)
def around_pk(view: str, project: str) -> tuple[str, str]:
    """What stands before and after the number of a row in the address of its page."""
    number = "7" * 18
    before, _, after = reverse(view, kwargs={"project": project, "pk": int(number)}).rpartition(number)
    return before, after


@cache
def badge(state: str, size: str = "") -> SafeString:
    """The status badge of a state's name; drawn once, since there are few."""
    return draw("components/status_badge.html", {"look": look_of(state), "size": size, "label": ""})


def moment(at: datetime | None) -> SafeString:
    """What {% time_ago at %} draws, without a template: a page has hundreds of them."""
    if at is None:
        return NO_MOMENT
    local = timezone.localtime(at)
    title, text = f"{local:%Y-%m-%d %H:%M:%S %Z}", f"{local:%Y-%m-%d %H:%M}"
    time = f'<time datetime="{local.isoformat()}" title="{title}">{text}</time>'
    return SafeString(f"<relative-time>{time}</relative-time>")


def one_line(text: str, letters: int = 120) -> SafeString | str:
    """`text` without its line breaks, cut when it is long; then all of it stands in the title."""
    line = " ".join(text.split())
    if len(line) <= letters:
        return line
    return format_html('<span title="{}">{}…</span>', text, line[: letters - 1])


def tags(names: Iterable[str]) -> SafeString:
    return format_html_join(" ", "{}", ((tag(name),) for name in names))


@lru_cache(maxsize=1000)
def tag(name: str) -> SafeString:
    return draw("components/chip.html", {"value": name, "name": "", "remove_url": "", "url": ""})


@cache
def compiled(name: str) -> Any:
    """Django's own template behind the one that takes a request."""
    found: Any = get_template(name)
    return found.template


def draw(name: str, context: dict[str, object]) -> SafeString:
    return SafeString(compiled(name).render(Context(context)).strip())


def duration(ms: float | None, since: datetime | None = None) -> SafeString | str:
    """A duration, which grows while the page is open if it has begun but not ended: `ms` None, `since` given."""
    if ms is not None or since is None:
        return duration_text(ms)
    elapsed = (timezone.now() - since).total_seconds() * 1000
    return draw("components/duration.html", {"text": duration_text(elapsed), "since": since})
