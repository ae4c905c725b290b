"""Tags as every kind of thing has them."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.domain.errors import InvalidInput

MAX_TAGS, LONGEST_TAG = 20, 50


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Trimmed, without blanks and repetitions, in the order given; at most 20 of at most 50 characters."""
    cleaned = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(cleaned) > MAX_TAGS or any(len(tag) > LONGEST_TAG for tag in cleaned):
        raise InvalidInput.field(
            "tags", f"Give at most {MAX_TAGS} tags of at most {LONGEST_TAG} characters.", "max_length"
        )
    return cleaned
