"""Tags as every kind of thing has them."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.domain.errors import ActionRefused, InvalidInput

MAX_TAGS, LONGEST_TAG = 20, 50


def tags_with(present: list[str], more: Iterable[str]) -> tuple[list[str], list[str]]:
    """(all of them, those that are new). Raises ActionRefused when nothing is new, InvalidInput for too many."""
    new = [tag for tag in clean_tags(more) if tag not in present]
    if not new:
        raise ActionRefused("It has these tags already.")
    return clean_tags([*present, *new]), new


def tags_without(present: list[str], less: Iterable[str]) -> tuple[list[str], list[str]]:
    """(what is left, what went). Raises ActionRefused when it has none of them."""
    unwanted = set(clean_tags(less))
    gone = [tag for tag in present if tag in unwanted]
    if not gone:
        raise ActionRefused("It has none of these tags.")
    return [tag for tag in present if tag not in unwanted], gone


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Trimmed, without blanks and repetitions, in the order given; at most 20 of at most 50 characters."""
    cleaned = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(cleaned) > MAX_TAGS or any(len(tag) > LONGEST_TAG for tag in cleaned):
        raise InvalidInput.field(
            "tags", f"Give at most {MAX_TAGS} tags of at most {LONGEST_TAG} characters.", "max_length"
        )
    return cleaned
