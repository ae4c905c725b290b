"""Text as vectors by feature hashing: no model, no download, the same everywhere.

Words and character trigrams are hashed into a fixed number of signed slots (Weinberger et al. 2009, "Feature Hashing
for Large Scale Multitask Learning"). Texts that share words get near vectors; meaning is not understood.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any

from agents.calls.registry import FunctionContext, function

EMBED_SCHEMA = {
    "type": "object",
    "properties": {
        "texts": {"type": "array", "items": {"type": "string", "maxLength": 100_000}, "maxItems": 10_000},
        "dimensions": {"type": "integer", "minimum": 8, "maximum": 1024, "default": 64},
    },
    "required": ["texts"],
    "additionalProperties": False,
}
WORD = re.compile(r"\w+")
WORD_WEIGHT, TRIGRAM_WEIGHT = 1.0, 0.3
DECIMALS = 6
BATCH = 200


@function("text-embed", input_schema=EMBED_SCHEMA, idempotent=True)
def text_embed(input: dict[str, Any], context: FunctionContext) -> dict[str, Any]:
    """Turn texts into unit vectors by hashing their words and trigrams (no model is involved)."""
    texts, dimensions = input["texts"], input.get("dimensions", 64)
    vectors = []
    for number, text in enumerate(texts, start=1):
        vectors.append(vector(text, dimensions))
        if number % BATCH == 0 or number == len(texts):
            context.token.check()
            context.progress(number, len(texts))
    return {"vectors": vectors, "dimensions": dimensions, "count": len(vectors)}


def vector(text: str, dimensions: int) -> list[float]:
    """Of length 1, or all zero for a text without words."""
    slots = [0.0] * dimensions
    for feature, weight in features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest())
        slots[(digest >> 1) % dimensions] += weight if digest & 1 else -weight
    norm = math.sqrt(sum(value * value for value in slots))
    return [round(value / norm, DECIMALS) for value in slots] if norm else slots


def features(text: str) -> Iterator[tuple[str, float]]:
    for word in WORD.findall(text.lower()):
        yield word, WORD_WEIGHT
        padded = f"^{word}$"
        yield from ((padded[start : start + 3], TRIGRAM_WEIGHT) for start in range(len(padded) - 2))
