from django.db import migrations, models

# NULLS DISTINCT is what a unique constraint means anyway, but whoever writes it down needs PostgreSQL 15: on 14 Django
# left the constraint out without a word. Where it exists it stays as it is.
ADD_IF_MISSING = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint
                 WHERE conname = 'one_event_per_seq' AND conrelid = 'events_event'::regclass) THEN
    ALTER TABLE events_event ADD CONSTRAINT one_event_per_seq UNIQUE (subject_kind, subject_id, seq);
  END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ('events', '0002_index_the_activity_alone'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD_IF_MISSING, migrations.RunSQL.noop)],
            state_operations=[
                migrations.RemoveConstraint(model_name='event', name='one_event_per_seq'),
                migrations.AddConstraint(
                    model_name='event',
                    constraint=models.UniqueConstraint(
                        fields=('subject_kind', 'subject_id', 'seq'), name='one_event_per_seq'
                    ),
                ),
            ],
        ),
    ]
