"""A process under `make dev` ends when one of its sources changes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from controlplane.embedded.folders import REPOSITORY
from tests.events.conftest import test_database_url as database_url
from tests.runs import functions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source():
    """A module that the process imports because its environment says so; it is as old afterwards as before."""
    before = os.stat(functions.__file__)
    yield functions.__file__
    os.utime(functions.__file__, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_process_ends_when_its_source_changes(source, tmp_path):
    own = {"DEBUG": "1", "SPARKOPS_FUNCTION_MODULES": "tests.runs.functions", "DATABASE_URL": database_url()}
    said = tmp_path / "said"
    command = [sys.executable, "manage.py", "sweeper"]
    with said.open("w") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **own}, stderr=log)
    try:
        changed = os.stat(source).st_mtime_ns
        while process.poll() is None:
            # It may be looking for the first time just now, and take what it sees for the beginning.
            changed += 10**9
            os.utime(source, ns=(changed, changed))
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
    assert process.returncode == 0
    assert "tests/runs/functions.py has changed: starting again." in said.read_text()
