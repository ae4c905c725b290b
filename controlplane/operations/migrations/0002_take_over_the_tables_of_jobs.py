from django.db import migrations

# Databases of before hold the tables of the app `jobs`; new ones made them under these names just now.
TAKE_OVER = """
DO $$
DECLARE
    named record;
BEGIN
    IF to_regclass('jobs_job') IS NULL THEN
        RETURN;
    END IF;
    ALTER TABLE jobs_job RENAME TO operations_operation;
    ALTER TABLE jobs_jobrow RENAME TO operations_operationrow;
    ALTER TABLE operations_operationrow RENAME COLUMN job_id TO operation_id;
    FOR named IN
        SELECT conrelid::regclass AS owner, conname AS old FROM pg_constraint
        WHERE conrelid IN ('operations_operation'::regclass, 'operations_operationrow'::regclass)
            AND contype <> 'n' AND conname ~ 'job'
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', named.owner, named.old, {new});
    END LOOP;
    FOR named IN
        SELECT indexrelid::regclass AS owner, relname AS old FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid IN ('operations_operation'::regclass, 'operations_operationrow'::regclass) AND relname ~ 'job'
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', named.owner, {new});
    END LOOP;
    FOR named IN
        SELECT oid::regclass AS owner, relname AS old FROM pg_class WHERE relkind = 'S' AND relname IN (
            'jobs_job_id_seq', 'jobs_jobrow_id_seq')
    LOOP
        EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', named.owner, {new});
    END LOOP;
    UPDATE events_event SET type = 'operation' || substr(type, 4) WHERE type LIKE 'job.%';
    UPDATE events_event SET subject_kind = 'operation' WHERE subject_kind = 'job';
    UPDATE auth_permission SET codename = {codename}, name = replace(name, 'job', 'operation')
    FROM django_content_type WHERE django_content_type.id = content_type_id AND app_label = 'jobs';
    UPDATE django_content_type SET app_label = 'operations', model = 'operation' || substr(model, 4)
    WHERE app_label = 'jobs';
END $$
""".format(
    new="replace(replace(named.old, 'jobs', 'operations'), 'job', 'operation')",
    codename="replace(codename, 'job', 'operation')",
)


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0001_keep_what_operations_do"),
        ("events", "0003_number_events_once_on_postgresql_14_too"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop)]
