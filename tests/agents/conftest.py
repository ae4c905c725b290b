from __future__ import annotations

import pytest

from tests.agents.servers import LocalServer, Says


@pytest.fixture(autouse=True)
def readable_folder(settings, tmp_path):
    """Instances may read the files of the test."""
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]


@pytest.fixture
def web(settings):
    """A server that may be called, and answers {"ok": true} unless it is told otherwise."""
    with LocalServer(Says({"ok": True})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        yield server
