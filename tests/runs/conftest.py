"""After every test of the engine its invariants must hold."""

from __future__ import annotations

import pytest

from tests.runs.driving import broken_invariants


@pytest.fixture(autouse=True)
def invariants_hold(request):
    yield
    if "world" in request.fixturenames:
        assert broken_invariants() == {}
