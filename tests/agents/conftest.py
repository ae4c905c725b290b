from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def readable_folder(settings, tmp_path):
    """Instances may read the files of the test."""
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
