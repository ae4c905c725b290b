"""A query on PostgreSQL through a whole run: what the person who wrote the workflow hears."""

from __future__ import annotations

import pytest

from agents.actions import create_instance
from tests.databases.conftest import reader_url
from tests.runs.driving import drain, error, output, start, step

pytestmark = pytest.mark.django_db(transaction=True)
THRICE = {"max_attempts": 3, "backoff_seconds": 0}


@pytest.fixture
def ask(world, server):
    url = reader_url()
    create_instance(world.acme, name="shop", engine="postgres", url=url, timeout_seconds=60, by=world.actor("alice"))

    def ask(sql: str, params: dict | None = None, **more: object):
        with_ = {"instance": "shop", "sql": sql, "params": params or {}}
        return drain(start(world, step("a", "query", with_=with_, retry=THRICE, **more)))

    return ask


def test_a_placeholder_of_postgresqls_own_fails_once_and_names_ours(ask):
    run = ask("SELECT name FROM people WHERE id = $1", {"id": 1})
    assert (run.state, error(run, "a")["type"]) == ("failed", "sql_error")
    assert ":name" in error(run, "a")["message"]
    assert run.steps.get().attempts.count() == 1


def test_numbers_of_the_inputs_arrive_as_numbers(ask):
    run = ask("SELECT :n * :n, :a + :b, (SELECT count(*) FROM people WHERE id = ANY(:ids))",
              {"n": 300, "a": 32_767, "b": 0.5, "ids": [1, 2.0, "3"]})  # fmt: skip
    assert run.state == "succeeded", run.error
    assert output(run, "a")["rows"] == [[90_000, "32767.5", 2]]


def test_the_steps_own_limit_is_told_when_it_ended_the_query(ask):
    run = ask("SELECT pg_sleep(30)", timeout_seconds=2)
    assert error(run, "a")["type"] == "timeout"
    assert error(run, "a")["message"] == "The query did not finish within the step's 2 seconds."
