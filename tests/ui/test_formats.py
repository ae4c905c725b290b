from __future__ import annotations

from decimal import Decimal

import pytest

from controlplane.ui import formats


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (840, "840 ms"),
        (999.6, "1000 ms"),
        (4_210, "4.2 s"),
        (59_940, "59.9 s"),
        (59_990, "1 m 00 s"),
        (185_000, "3 m 05 s"),
        (8_040_000, "2 h 14 m"),
        (273_600_000, "3 d 4 h"),
    ],
)
def test_a_duration_takes_two_units_at_most(ms: float | None, text: str) -> None:
    assert formats.duration_text(ms) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "–"),
        (0, "–"),
        (Decimal("0.000000"), "–"),
        ("nonsense", "–"),
        (Decimal("0.0042"), "$0.0042"),
        (Decimal("0.00004217"), "$0.000042"),
        (Decimal("0.0000001"), "<$0.000001"),
        (Decimal("0.25"), "$0.25"),
        (Decimal("12.4"), "$12.40"),
        (Decimal("12345.678"), "$12,345.68"),
        (Decimal("-3"), "-$3.00"),
    ],
)
def test_money_shows_cents_or_the_first_digits_that_matter(amount: object, text: str) -> None:
    assert formats.money_text(amount) == text


@pytest.mark.parametrize(
    ("size", "text"), [(None, "–"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5.0 TiB")]
)
def test_sizes_are_binary(size: int | None, text: str) -> None:
    assert formats.bytes_text(size) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (1, "100 %"), (0, "0 %"), (0.99999, "99.9 %"), (0.00001, "0.1 %"), (0.125, "12.5 %")],
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(share: float | None, text: str) -> None:
    assert formats.percent_text(share) == text
