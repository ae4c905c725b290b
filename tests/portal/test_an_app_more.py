"""An app in a folder of its own becomes a part of the portal by what it declares, and by nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.events.conftest import test_database_url as database_url

HERE = Path(__file__).parent


@pytest.fixture
def seen(world, tmp_path) -> dict:
    shutil.copytree(HERE / "parcels", tmp_path / "parcels")
    command = [sys.executable, "-m", "tests.portal.with_parcels", str(tmp_path)]
    environment = {**os.environ, "DATABASE_URL": database_url()}
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.django_db(transaction=True)
def test_an_app_is_added_by_its_folder(seen):
    assert 'href="/p/acme/parcels/"' in seen["page"], "the sidebar"
    assert "Red box" in seen["page"], "the list"
    assert "Packed and ready" in seen["page"], "the look of a state"
    assert f'href="{seen["address"]}"' in seen["search"], "the search"
    assert seen["line"] == "bob sent away parcel Red box batch"
    assert seen["swept"] == 1
    assert "sparkops_parcels 1.0" in seen["metrics"]
