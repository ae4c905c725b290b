from __future__ import annotations

from datetime import UTC, datetime

from django.template import Context, Template

from controlplane.listing.declaration import cells
from controlplane.listing.declaration.columns import Column, chosen_columns


def drawn(source: str, **context: object) -> str:
    return Template(source).render(Context(context)).strip()


def test_a_moment_is_drawn_as_the_component_draws_it():
    at = datetime(2026, 3, 1, 8, 5, 9, 123456, tzinfo=UTC)
    assert cells.moment(at) == drawn("{% time_ago at %}", at=at)
    assert cells.moment(None) == drawn("{% time_ago at %}", at=None)


def test_a_badge_is_drawn_as_the_component_draws_it():
    assert cells.badge("failed") == drawn('{% status_badge "failed" %}')


def test_a_growing_duration_is_drawn_as_the_component_draws_it():
    since = datetime(2026, 3, 1, tzinfo=UTC)
    assert cells.duration(None, since)[:40] == drawn("{% duration since=at %}", at=since)[:40]
    assert cells.duration(1500) == "1.5 s"


def test_text_in_cells_is_escaped():
    column = Column("name", "Na<me", value=lambda row: row)
    assert column.cell("<script>") == '<td class="" data-label="Na&lt;me">&lt;script&gt;</td>'
    assert "<b>" not in cells.tags(["<b>"])
    assert "<b>" not in cells.link("/x", "<b>")


def test_nothing_is_a_dash():
    assert "–" in Column("name", "Name", value=lambda row: None).cell(object())


def test_chosen_columns_keep_their_declared_order():
    a, b, c = Column("a", "A"), Column("b", "B", default=False), Column("c", "C")
    assert chosen_columns([a, b, c], ["c", "b", "nope"]) == [b, c]
    assert chosen_columns([a, b, c], ["nope"]) == [a, c]
