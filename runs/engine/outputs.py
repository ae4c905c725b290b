"""Step outputs as expressions see them. Large ones live in storage; the row keeps a reference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, InterfaceError
from psycopg_pool import PoolTimeout

from controlplane.domain.failures import Failure
from controlplane.domain.json_schema import unstorable
from runs.engine.sql import run_statement
from runs.models import Artifact

REFERENCE = "$artifact"
LOAD = """
SELECT key, state, output FROM runs_steprun WHERE run_id = %(run)s AND key = ANY(%(keys)s) AND index IS NULL
"""


class StorageFailure(Failure):
    """An output cannot be kept in, or read from, the storage of artifacts."""

    kind = "storage"


@contextmanager
def storage_failures() -> Iterator[None]:
    """Whatever a storage raises, of any make, as one typed failure. Errors of the database stay what they are."""
    try:
        yield
    except (Failure, DatabaseError, InterfaceError, PoolTimeout):
        raise
    except Exception as error:
        raise StorageFailure(f"The storage of outputs failed: {type(error).__name__}: {error}"[:500]) from error


def load_steps(run_id: int, keys: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Step key -> {"output", "status"} of the named steps."""
    if not keys:
        return {}
    rows = run_statement(LOAD, {"run": run_id, "keys": list(keys)})
    return {row["key"]: {"output": resolve(row["output"], run_id), "status": row["state"]} for row in rows}


def resolve(output: Any, run_id: int) -> Any:
    """The output itself, read from the run's storage when the row holds a reference."""
    if is_reference(output):
        with storage_failures(), Artifact.objects.get(pk=output[REFERENCE], run_id=run_id).file.open("rb") as file:
            return json.load(file)
    return output


def refuse_unstorable(value: Any) -> None:
    """Raises the Failure that the database would otherwise make of it, with the whole transaction."""
    if unstorable(value) is not None:
        raise Failure("It holds text that cannot be stored.", kind="not_storable", retryable=False)


def is_reference(output: Any) -> bool:
    return isinstance(output, dict) and REFERENCE in output


def store(output: Any, *, run_id: int, step_id: int, attempt_no: int) -> Any:
    """`output`, or a reference to an artifact that holds it when its JSON is larger than the inline limit."""
    body = json.dumps(output).encode()
    # What only looks like a reference is stored as well, so that nobody can refer to a file of somebody else.
    if len(body) <= settings.ENGINE_OUTPUT_INLINE_BYTES and not is_reference(output):
        return output
    artifact = store_artifact(
        body, "output.json", "application/json", run_id=run_id, step_id=step_id, attempt_no=attempt_no
    )
    return {REFERENCE: artifact.pk, "size": artifact.size, "sha256": artifact.sha256, "kind": type(output).__name__}


def store_artifact(
    body: bytes, name: str, content_type: str, *, run_id: int, step_id: int, attempt_no: int
) -> Artifact:
    """Store a file that belongs to an attempt."""
    artifact = Artifact(
        run_id=run_id,
        step_id=step_id,
        attempt_no=attempt_no,
        name=name,
        content_type=content_type,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    with storage_failures():
        artifact.file.save(f"runs/{run_id}/{step_id}-{attempt_no}-{name}", ContentFile(body), save=False)
    artifact.save()
    return artifact
