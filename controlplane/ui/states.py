"""How each state looks: a word, a tone and an icon, so that no state is told by colour alone."""

from __future__ import annotations

from controlplane.portal.descriptor import Look
from controlplane.portal.registry import looks


def look_of(thing: object) -> Look:
    """The look of a state name, or of an object by its `shown_state`, `state`, `status` or `level`.

    Unknown words stay readable.
    """
    state = thing
    for name in ("shown_state", "state", "status", "level"):
        if not isinstance(thing, str) and hasattr(thing, name):
            state = getattr(thing, name)
            break
    word = str(getattr(state, "value", state) or "unknown")
    return looks.get(word) or Look(word.replace("_", " ").capitalize(), "neutral", "circle-dashed")
