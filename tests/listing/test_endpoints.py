"""What a declaration offers to scripts is what it says, and no more."""

from __future__ import annotations

import pytest

from controlplane.listing.page.api import ListEndpoint
from controlplane.listing.page.api_urls import list_endpoints
from runs.list.listing import RUNS
from runs.serializers import RunRow
from tests.contracts.bare_list import BARE


def named(listing) -> dict[str, str]:
    made = list_endpoints(type("Of", (ListEndpoint,), {"listing": listing, "serializer_class": RunRow}))
    return {one.name: str(one.pattern) for one in made}


def test_bulk_and_counts_are_there_for_what_is_declared():
    assert named(RUNS) == {
        "runs": "runs",
        "runs_csv": "runs.csv",
        "runs_bulk": "runs/bulk",
        "runs_counts": "runs/counts",
    }
    assert named(BARE) == {"bare": "bare", "bare_csv": "bare.csv"}


@pytest.mark.django_db
def test_runs_that_only_report_have_no_bulk_actions(world):
    assert (
        world.api("alice").post("/api/v1/tasks/bulk", {"action": "cancel_run", "ids": [1]}, "json").status_code == 404
    )
