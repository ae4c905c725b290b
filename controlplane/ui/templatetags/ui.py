"""The components of the portal as template tags; each has its template in templates/components/."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField, CheckboxInput
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.domain.action import AnyAction
from controlplane.domain.words import counted
from controlplane.ui import formats
from controlplane.ui.states import look_of

register = template.Library()

register.filter("duration_text", formats.duration_text)
register.filter("sentence_case", formats.sentence_case, is_safe=True)
register.simple_tag(formats.money_text, name="money")
register.simple_tag(formats.bytes_text, name="bytes_size")
register.simple_tag(formats.number_text, name="number")
register.simple_tag(formats.percent_text, name="percent")
register.filter("counted", counted)


@register.simple_tag
@lru_cache(maxsize=1000)
def icon(name: str, size: str = "", label: str = "", spins: bool = False) -> SafeString:
    """A symbol of static/icons.json. `size` is sm or xl; without `label` it is decoration. A page has a hundred."""
    classes = " ".join(filter(None, ["icon", size and f"icon--{size}", "icon--spin" if spins else ""]))
    address = f"{static('icons.svg')}#{name}"
    if label:
        meaningful = '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>'
        return format_html(meaningful, classes, label, address)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', classes, address)


@register.inclusion_tag("components/status_badge.html")
def status_badge(thing: object, size: str = "", label: str = "") -> dict[str, object]:
    """The state of `thing` (an object with `state`, `status` or `level`, or the word). `size`: plain, large, icon."""
    return {"look": look_of(thing), "size": size, "label": label}


@register.simple_tag
def tone(thing: object) -> str:
    """The CSS class of a state's tone, such as `tone-danger`."""
    return f"tone-{look_of(thing).tone}"


@register.inclusion_tag("components/time_ago.html")
def time_ago(at: datetime | None, absolute: bool = False) -> dict[str, object]:
    """A moment, as “3 m ago” that keeps itself current; the exact time is in the title and without script."""
    local = timezone.localtime(at) if at and timezone.is_aware(at) else at
    return {"at": local, "absolute": absolute}


@register.inclusion_tag("components/duration.html")
def duration(ms: float | None = None, since: datetime | None = None) -> dict[str, object]:
    """`ms` as text; without it but with `since`, a duration that grows while the page is open."""
    running = ms is None and since is not None
    elapsed = (timezone.now() - since).total_seconds() * 1000 if running and since else ms
    return {"text": formats.duration_text(elapsed), "since": since if running else None}


@register.inclusion_tag("components/empty_state.html")
def empty_state(
    title: str, text: str = "", action: str = "", url: str = "", icon: str = "list", small: bool = False
) -> dict[str, object]:
    """What stands where nothing is yet, with the next step: `action` is the label of a link to `url`."""
    return {"title": title, "text": text, "action": action, "url": url, "icon": icon, "small": small}


@register.simple_block_tag
def page_header(
    content: str, title: object, parent: str = "", parent_url: str = "", state: object = None, note: str = ""
) -> SafeString:
    """The head of a page. The content of the block are its buttons; `state` shows a badge beside the title."""
    context = {"title": title, "parent": parent, "parent_url": parent_url, "state": state, "note": note}
    return render_to_string("components/page_header.html", {**context, "actions": content})


@register.simple_block_tag
def notice(content: str, tone: str = "info", title: str = "") -> SafeString:
    """A box within a page. Tones as in states.py; danger and warning are announced to screen readers."""
    icons = {"danger": "error", "warning": "alert", "success": "circle-check", "orange": "alert"}
    context = {"content": content, "tone": tone, "title": title, "icon": icons.get(tone, "info")}
    return render_to_string("components/notice.html", context)


@register.inclusion_tag("components/action_button.html", takes_context=True)
def action_button(
    context: template.Context,
    action: AnyAction,
    subject: Any,
    url: str,
    member: Any,
    *,
    target: str = "",
    size: str = "",
) -> dict[str, object]:
    """A form with one button for `action` (see domain/action.py); empty when it would be refused to the member now.

    With `target` HTMX posts and swaps that element; without, it is an ordinary post. A page with many of them asks
    about all at once beforehand, with `foresee`.
    """
    tones = {"primary": "btn-primary", "danger": "btn-danger", "quiet": "btn-quiet"}
    return {
        "allowed": member is not None and action.allowed(subject, member) is None,
        "action": action,
        "confirm": action.confirm.replace("{subject}", str(subject)),
        "url": url,
        "target": target,
        "classes": " ".join(filter(None, ["btn", tones.get(action.tone, ""), size and f"btn-{size}"])),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("components/code_block.html")
def code_block(text: object, title: str = "", wrap: bool = False) -> dict[str, object]:
    """Text as it is, with a copy button."""
    return {"text": text, "title": title, "wrap": wrap}


@register.inclusion_tag("components/json_block.html")
def json_block(value: object, title: str = "") -> dict[str, object]:
    """Any JSON value, collapsible, with a copy button."""
    text = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return {"text": text, "title": title}


@register.inclusion_tag("components/tabs.html")
def tabs(items: Iterable[Any], label: str = "Sections") -> dict[str, object]:
    """Tabs are links. An item has label, url, current and, if it likes, count and icon."""
    return {"items": list(items), "label": label}


@register.inclusion_tag("components/chip.html")
def chip(value: object, name: str = "", remove_url: str = "", url: str = "") -> dict[str, object]:
    """One small fact: a tag, or with `remove_url` an active filter."""
    return {"value": value, "name": name, "remove_url": remove_url, "url": url}


@register.inclusion_tag("components/copyable.html")
def copyable(text: object, label: str = "") -> dict[str, object]:
    """An id or address in code type with a copy button; `label` says what it is."""
    return {"text": text, "label": label or "Copy"}


@register.inclusion_tag("components/stat_tile.html")
def stat_tile(
    label: str, value: object, note: str = "", url: str = "", icon: str = "", tone: str = ""
) -> dict[str, object]:
    return {"label": label, "value": value, "note": note, "url": url, "icon": icon, "tone": tone}


@register.inclusion_tag("components/chart.html")
def chart(kind: str, data: dict[str, Any], label: str, id: str) -> dict[str, object]:
    """A `line` or `bar` chart with its table for those who cannot see it. The page loads charts.js.

    `data`: {"labels": [...], "series": [{"name", "values", "tone"}], "stacked": bool, "unit": ""}.
    """
    series = data.get("series", [])
    rows = [
        (name, [s["values"][i] if i < len(s["values"]) else None for s in series])
        for i, name in enumerate(data.get("labels", []))
    ]
    return {"kind": kind, "data": data, "data_id": f"{id}-data", "label": label, "id": id, "rows": rows}


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", optional: bool = True) -> dict[str, object]:
    """A form field with label, control, help and errors."""
    inline = isinstance(bound.field.widget, CheckboxInput)
    return {"field": bound, "label": label or bound.label, "inline": inline, "mark_optional": optional}


@register.inclusion_tag("components/form_fields.html")
def form_fields(form: Any) -> dict[str, object]:
    """Errors of the whole form, then every visible field, then the hidden ones."""
    return {"form": form}
