from django.db import migrations

FREEZE = """
CREATE FUNCTION workflows_version_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        NEW.document IS DISTINCT FROM OLD.document OR NEW.text IS DISTINCT FROM OLD.text
        OR NEW.number <> OLD.number OR NEW.workflow_id <> OLD.workflow_id OR NEW.state = 'draft'
    ) THEN
        RAISE EXCEPTION 'A released version never changes.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER workflows_version_is_frozen BEFORE UPDATE ON workflows_version
    FOR EACH ROW EXECUTE FUNCTION workflows_version_is_frozen();
"""
THAW = "DROP TRIGGER workflows_version_is_frozen ON workflows_version; DROP FUNCTION workflows_version_is_frozen();"


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_workflows_and_versions")]
    operations = [migrations.RunSQL(FREEZE, THAW)]
