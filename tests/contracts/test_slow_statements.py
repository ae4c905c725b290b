"""A statement that the database does not end, or a lock that somebody holds, costs a request seconds and no more."""

from __future__ import annotations

import httpx
import pytest
from django.db import connection, transaction

from tests.events.conftest import web_process
from tests.world import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LIMITS = {"WEB_STATEMENT_SECONDS": "600", "WEB_LOCK_SECONDS": "600"}


@pytest.mark.parametrize("name", LIMITS)
def test_a_request_that_waits_for_the_database_is_refused_in_time(world, name):
    with web_process(**LIMITS | {name: "1"}) as server, httpx.Client(timeout=60) as client:
        address = f"http://127.0.0.1:{server.port}/api/v1/auth/token"
        who = {"username": "bob", "password": PASSWORD}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE")
            refused = client.post(address, json=who)
        assert (refused.status_code, refused.json()["status"]) == (503, 503)
        assert int(refused.headers["Retry-After"]) > 0
        assert client.post(address, json=who).status_code == 200
