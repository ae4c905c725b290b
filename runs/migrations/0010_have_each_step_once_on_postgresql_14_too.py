from django.db import migrations, models


class Migration(migrations.Migration):
    """NULLS NOT DISTINCT needs PostgreSQL 15: on 14 Django left the constraint out without a word. Two can do it."""

    dependencies = [
        ('runs', '0009_vacuum_new_calls_soon'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='steprun',
            constraint=models.UniqueConstraint(fields=('run', 'key', 'index'), name='one_step_run_per_index'),
        ),
        migrations.AddConstraint(
            model_name='steprun',
            constraint=models.UniqueConstraint(
                condition=models.Q(('index__isnull', True)), fields=('run', 'key'), name='one_step_run_per_key'
            ),
        ),
        # A database that was made on 14 and moved to a later version since does not have it.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'ALTER TABLE runs_steprun DROP CONSTRAINT IF EXISTS one_step_run_per_item', migrations.RunSQL.noop
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name='steprun', name='one_step_run_per_item')],
        ),
    ]
