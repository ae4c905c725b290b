"""Faults that take seconds, with small numbers; all of them, and those that wait for leases, are `make faults`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.stage import ROOT

# Three groups, so that a failure says where to look and two test processes share the waiting.
CROWDS = [("R-01", "R-02"), ("R-04", "R-05"), ("R-14", "R-21", "R-22", "R-23")]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("names", CROWDS, ids=lambda names: names[0])
def test_nothing_is_lost_and_nothing_repeated(names):
    played = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--short", *names], cwd=ROOT, capture_output=True, text=True, timeout=390
    )
    assert played.returncode == 0, f"{played.stdout[-6000:]}\n{played.stderr[-3000:]}"
    assert " 0 failed, seed" in played.stdout.splitlines()[-1]
