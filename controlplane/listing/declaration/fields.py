"""How the words of a query string become values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from controlplane.listing.declaration.moments import Moment

# One query string cannot ask for more values than this of one filter.
VALUES_LIMIT = 100
LARGEST_ID = 2**63 - 1


class Values(forms.CheckboxSelectMultiple):
    """Reads `?status=failed,running` and `?status=failed&status=running` alike."""

    def value_from_datadict(self, data, files, name) -> list[str]:
        given = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        parts = [part.strip() for text in given for part in str(text).split(",")]
        return list(dict.fromkeys(filter(None, parts)))


class ValuesField(forms.Field):
    """A list of words, each of which `check(word)` accepts or refuses with ValidationError."""

    widget = Values

    def __init__(self, *, check: Callable[[str], Any] = str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check

    def clean(self, value: list[str]) -> list[Any]:
        if len(value) > VALUES_LIMIT:
            raise ValidationError(f"At most {VALUES_LIMIT} values can be given.")
        if any("\x00" in word for word in value):
            raise ValidationError("A value cannot hold NUL characters.")
        return [self.check(word) for word in value]


class MomentField(forms.CharField):
    def clean(self, value: str) -> Moment | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Moment.parse(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


def is_id(text: str) -> bool:
    """Whether PostgreSQL's bigint holds it: only then may it be looked for."""
    return is_number(text) and int(text) <= LARGEST_ID


def is_number(text: str, digits: int = 19) -> bool:
    """Short enough to be one: Python refuses to read thousands of digits, zeros too. Nine fit any integer column."""
    return text.isascii() and text.isdecimal() and len(text) <= digits
