"""Finding words in long texts by an index, which PostgreSQL keeps without any extension."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db.models import Func

# So much of a text is indexed: no text can then be too long for it, and what is said first says most.
INDEXED_CHARACTERS = 1_000


class Words(Func):
    """The words of a text, for a GIN index. Names and addresses count as the words between their dots and dashes."""

    output_field = SearchVectorField()
    template = (
        f"to_tsvector('simple', regexp_replace(left(%(expressions)s, {INDEXED_CHARACTERS}), '[^[:alnum:]]+', ' ', 'g'))"
    )


def has_words(source: Any, text: str) -> SearchVectorExact | None:
    """Whether `source` holds words that begin like each of those of `text`, in any order; None for a text without."""
    words = re.findall(r"[^\W_]+", text)
    wanted = " & ".join(f"'{word}':*" for word in words)
    return SearchVectorExact(Words(source), SearchQuery(wanted, search_type="raw", config="simple")) if words else None
