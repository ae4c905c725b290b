import os

import pytest
from django.core.cache import cache
from django.db import connection

from tests.servers import ON_WORKER


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql_of_our_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('listen_addresses')")
        assert cursor.fetchone() == ("off", "")


def test_each_test_process_has_a_broker_of_its_own():
    cache.set("who", os.environ.get(ON_WORKER, "controller"), 60)
    assert cache.get("who") == os.environ.get(ON_WORKER, "controller")
