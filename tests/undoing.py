"""What a test does and takes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that leaves nothing, marked as those are that Django wraps its own tests in: code that must not
    wait for others inside a transaction of ours may do it here.
    """
    with transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True  # type: ignore[attr-defined]
        yield
        transaction.set_rollback(True)
