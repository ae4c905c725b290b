"""What the verbs that tag many rows need to be told: the same words from a page and over the API."""

from __future__ import annotations

from typing import Any

from django import forms

from controlplane.domain.errors import InvalidInput
from controlplane.domain.tags import LONGEST_TAG, MAX_TAGS, clean_tags


class TagsField(forms.CharField):
    """A list of words, or text with commas between them."""

    def __init__(self, **options: Any) -> None:
        self.longest = MAX_TAGS * (LONGEST_TAG + 1)
        super().__init__(help_text="Separate several with commas.", **options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "maxlength": self.longest, "autocomplete": "off"}

    def clean(self, value: Any) -> list[str]:
        words = (value or "").split(",") if isinstance(value, str | None) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise forms.ValidationError("Give a list of tags.", "invalid")
        if any("\x00" in word for word in words):
            raise forms.ValidationError("A tag cannot hold NUL characters.", "invalid")
        try:
            tags = clean_tags([part for word in words for part in word.split(",")])
        except InvalidInput as error:
            raise forms.ValidationError(error.detail, error.errors[0].code) from error
        if not tags and self.required:
            raise forms.ValidationError("Give at least one tag.", "required")
        return tags


class TagForm(forms.Form):
    tags = TagsField()
