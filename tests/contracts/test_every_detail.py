"""What each detail, and each answer of the API, asks of the database: so many queries and no more."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contracts.addresses import address
from tests.contracts.permissions import ROUTES

pytestmark = pytest.mark.django_db

DETAILS = [
    name for name, route in ROUTES.items() if "GET" in route.levels and (route.subject or name.startswith("api:"))
]
# Who asks and where takes five: session, user, access, project, switcher.
MOST_QUERIES = 10
# The run, its steps, attempts, graph, lineage, neighbours and newest event; the figures of a whole project; what the
# rules of all verbs say of the thing, where they ask about more than its row.
MORE = {
    "runs:detail": 15, "api:overview": 14, "agents:detail": 11,
    **dict.fromkeys(("workflows:detail", "workflows:diff", "workflows:delete"), 11),
}  # fmt: skip


@pytest.mark.parametrize("name", DETAILS)
def test_it_asks_the_database_so_often_and_no_more(standing, name):
    client, url = standing.client("alice"), address(name, standing.mine)
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code < 500
    assert len(queries) <= MORE.get(name, MOST_QUERIES), [query["sql"][:120] for query in queries]
