"""Figures as people read them: durations, money, sizes, counts. Pure text, no HTML."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# A capital that begins a word which begins no sentence.
TITLE_CAPITAL = re.compile(r"(?<=[\w,)][\s-])[A-Z](?=[a-z])")
NOTHING = "–"
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def duration_text(ms: float | None) -> str:
    """Two units at most: 840 ms, 4.2 s, 3 m 05 s, 2 h 14 m, 3 d 4 h."""
    if ms is None:
        return NOTHING
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    return f"{hours // 24} d {hours % 24} h"


def money_text(amount: Decimal | float | str | None) -> str:
    """USD: cents from one cent up, else the first significant digits; nothing or zero is a dash."""
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        return NOTHING
    if not value or not value.is_finite():
        return NOTHING
    sign, size = ("-", -value) if value < 0 else ("", value)
    if size < Decimal("0.000001"):
        return f"{sign}<$0.000001"
    digits = 2 if size >= Decimal("0.1") else 1 - size.adjusted()
    return f"{sign}${size:,.{digits}f}"


def bytes_text(size: float | None) -> str:
    if size is None:
        return NOTHING
    value = float(size)
    for unit in BYTE_UNITS:
        if value < 1024 or unit == BYTE_UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def number_text(value: float | None) -> str:
    """Thousands apart: 12,840."""
    return NOTHING if value is None else f"{value:,}"


def percent_text(share: float | None) -> str:
    """A share between 0 and 1, and never 100 % or 0 % for what is only nearly so."""
    if share is None:
        return NOTHING
    percent = share * 100
    if 99.9 < percent < 100:
        return "99.9 %"
    if 0 < percent < 0.1:
        return "0.1 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


def sentence_case(text: str) -> str:
    """“Two-Factor Authentication” as “Two-factor authentication”, for the titles and buttons of libraries."""
    return TITLE_CAPITAL.sub(lambda capital: capital[0].lower(), text.strip())
