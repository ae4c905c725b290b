import os

import pytest
from django.db import connection

from controlplane.projects.requests.throttling import counters
from tests.servers import ON_WORKER


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql_of_our_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('listen_addresses')")
        assert cursor.fetchone() == ("off", "")


def test_each_test_process_has_a_broker_of_its_own():
    me = os.environ.get(ON_WORKER, "controller")
    counters().set("who", me, 60)
    assert counters().get("who") == me
