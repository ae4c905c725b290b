"""What a browser must load before it can show a page."""

from __future__ import annotations

import gzip

from controlplane.embedded.folders import REPOSITORY

SCRIPTS = sorted((REPOSITORY / "static" / "dist").glob("*.js"))
# Of the pages that edit a specification, and of no other.
EDITOR = "editor.js"
MOST_BYTES = 200 * 1024


def test_the_scripts_of_a_page_are_light():
    weights = {path.name: len(gzip.compress(path.read_bytes())) for path in SCRIPTS}
    assert {"app.js", EDITOR} <= set(weights)
    assert sum(weight for name, weight in weights.items() if name != EDITOR) <= MOST_BYTES, weights
