"""Operations were called jobs: their tables, what was written of them, and their addresses."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

from controlplane.events.feed.recorder import record_event
from controlplane.events.models import Event
from controlplane.operations.models import Operation
from controlplane.projects.tenants.actors import SYSTEM

pytestmark = pytest.mark.django_db
TAKE_OVER = import_module("controlplane.operations.migrations.0002_take_over_the_tables_of_jobs").TAKE_OVER

NAMES = """
SELECT relname FROM pg_class WHERE relname ~ '{0}' UNION ALL
SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE relname IN ('{0}s_{0}', '{0}s_{0}row') AND contype <> 'n' ORDER BY 1
"""
BACK = """
ALTER TABLE operations_operation RENAME TO jobs_job;
ALTER TABLE operations_operationrow RENAME TO jobs_jobrow;
ALTER TABLE jobs_jobrow RENAME COLUMN operation_id TO job_id;
UPDATE events_event SET type = replace(type, 'operation', 'job'), subject_kind = 'job';
DO $$ DECLARE named record; BEGIN
    FOR named IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
        WHERE conrelid IN ('jobs_job'::regclass, 'jobs_jobrow'::regclass) AND contype <> 'n' LOOP
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', named.owner, named.conname,
            replace(replace(named.conname, 'operations', 'jobs'), 'operation', 'job'));
    END LOOP;
    FOR named IN SELECT relname, relkind FROM pg_class WHERE relname ~ 'operation' LOOP
        EXECUTE format('ALTER %s %I RENAME TO %I', CASE named.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END,
            named.relname, replace(replace(named.relname, 'operations', 'jobs'), 'operation', 'job'));
    END LOOP;
END $$
"""


def names(word: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(NAMES.format(word))
        return [name for (name,) in cursor.fetchall()]


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


def make(world) -> Operation:
    return Operation.objects.create(
        project=world.acme, kind="bulk", subject="runs", action="add_tags", expires_at=timezone.now(), created_by="bob"
    )


def test_a_database_of_before_keeps_its_work(world):
    kept = make(world)
    kept.rows.create(position=1, object_id=7)
    record_event("operation.cancelled", kept, by=SYSTEM, data={})
    now = names("operation")
    execute(BACK)
    before = names("job")
    assert (len(before), names("operation")) == (len(now), [])
    execute(TAKE_OVER)
    assert (names("operation"), names("job")) == (now, [])
    assert Operation.objects.get().rows.get().object_id == 7
    assert Event.objects.values_list("type", "subject_kind").get() == ("operation.cancelled", "operation")
    assert make(world).pk > kept.pk


def test_a_new_database_is_left_as_it_is(world):
    now = names("operation")
    execute(TAKE_OVER)
    assert names("operation") == now


@pytest.mark.parametrize("rest", ["", "/7", "/7/rows.csv?status=done"])
def test_old_addresses_send_on(world, rest):
    answer = world.api("bob").post(f"/api/v1/jobs{rest}", {}, format="json")
    assert (answer.status_code, answer["Location"]) == (308, f"/api/v1/operations{rest}")


def test_an_old_address_leads_to_the_operation(world):
    kept = make(world)
    Operation.objects.update(state="queued")
    answer = world.api("alice").post(f"/api/v1/jobs/{kept.pk}/cancel", follow=True)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
