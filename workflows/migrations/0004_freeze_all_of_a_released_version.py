from django.db import migrations

FREEZE = """
CREATE OR REPLACE FUNCTION workflows_version_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        (to_jsonb(NEW) - 'state') IS DISTINCT FROM (to_jsonb(OLD) - 'state')
        OR (NEW.state <> OLD.state AND NOT (OLD.state = 'released' AND NEW.state = 'retired'))
    ) THEN
        RAISE EXCEPTION 'A released version never changes.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
AS_BEFORE = """
CREATE OR REPLACE FUNCTION workflows_version_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        NEW.document IS DISTINCT FROM OLD.document OR NEW.text IS DISTINCT FROM OLD.text
        OR NEW.number <> OLD.number OR NEW.workflow_id <> OLD.workflow_id OR NEW.state = 'draft'
    ) THEN
        RAISE EXCEPTION 'A released version never changes.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0003_count_edits_and_index_uses")]
    operations = [migrations.RunSQL(FREEZE, AS_BEFORE)]
