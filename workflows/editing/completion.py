"""What the editor offers while one types a specification."""

from __future__ import annotations

from typing import Any

from workflows.kinds import KINDS, StepKind
from workflows.specification.catalogue import Catalogue
from workflows.specification.checking import RETRY_LIMITS, STEP_KEYS, TOP_KEYS

# Of each sort of thing; whoever has more types the name.
MOST_NAMES = 500


def words_for(catalogue: Catalogue) -> dict[str, Any]:
    """{"uses": [{label, detail, info}], "keys": {"": of the whole, "step", "retry", and by kind what `with` holds},
    "values": {key of `with`: names}}.
    """
    usable = [kind for kind in KINDS.values() if not kind.unavailable]
    by_kind = {kind.name: kind.keys for kind in usable if kind.keys}
    return {
        "uses": [word for kind in usable for word in uses_of(kind, catalogue)],
        "keys": {"": TOP_KEYS, "step": STEP_KEYS, "retry": list(RETRY_LIMITS), **by_kind},
        "values": {kind.target.key: names_of(kind, catalogue) for kind in usable if kind.target and kind.target.key},
    }


def uses_of(kind: StepKind, catalogue: Catalogue) -> list[dict[str, str]]:
    named = [f"{kind.name}:{name}" for name in names_of(kind, catalogue)] if kind.takes_name else []
    alone = [] if kind.needs_name else [kind.name]
    return [{"label": label, "detail": kind.label, "info": kind.does} for label in (*alone, *named)]


def names_of(kind: StepKind, catalogue: Catalogue) -> list[str]:
    return sorted(catalogue.named(kind.target))[:MOST_NAMES] if kind.target else []
