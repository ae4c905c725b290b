import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models

# Made while others write, then taken for the constraint: adding that reads no row any more.
INDEX = """
CREATE UNIQUE INDEX CONCURRENTLY one_attempt_of_a_number ON runs_attempt (run_id, step_id, number)
"""
CONSTRAINT = """
ALTER TABLE runs_attempt ADD CONSTRAINT one_attempt_of_a_number UNIQUE USING INDEX one_attempt_of_a_number
"""
DROP_CONSTRAINT = 'ALTER TABLE runs_attempt DROP CONSTRAINT one_attempt_of_a_number'


class Migration(migrations.Migration):
    """Reads the tables while others write. SET NOT NULL trusts the constraint that has just looked at every row."""

    atomic = False

    dependencies = [
        ('runs', '0023_fill_in_the_run_of_attempts_and_of_parents'),
    ]

    operations = [
        ValidateConstraint(model_name='attempt', name='attempt_says_its_run'),
        ValidateConstraint(model_name='run', name='run_of_a_step_knows_its_run'),
        migrations.AlterField(
            model_name='attempt',
            name='run',
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name='attempts',
                to='runs.run',
            ),
        ),
        migrations.RemoveConstraint(model_name='attempt', name='attempt_says_its_run'),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(INDEX, migrations.RunSQL.noop),
                migrations.RunSQL(CONSTRAINT, DROP_CONSTRAINT),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name='attempt',
                    constraint=models.UniqueConstraint(
                        fields=('run', 'step', 'number'), name='one_attempt_of_a_number'
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(model_name='attempt', name='one_attempt_per_number'),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(('parent_run__isnull', False)),
                fields=['parent_run', 'parent_step'],
                name='run_children',
            ),
        ),
    ]
