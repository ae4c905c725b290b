from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.subjects import PEOPLE, TOKENS, Standing


@pytest.fixture(scope="module")
def standing(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Standing]:
    """Committed, so that it is there for every test of a module, exports included, without making it again."""
    with django_db_blocker.unblock():
        made = Standing.build(tmp_path_factory.mktemp("instances"))
        for who in (*PEOPLE, *TOKENS):
            made.client(who)
    yield made
    with django_db_blocker.unblock():
        made.remove()
