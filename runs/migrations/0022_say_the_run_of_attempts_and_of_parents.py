import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Quick, whatever the size of the tables: the rows of before are filled in and looked at by the next ones."""

    dependencies = [
        ('runs', '0021_list_what_somebody_started_and_what_failed_how'),
    ]

    operations = [
        # PostgreSQL looks at no row for the reference of a column that is empty everywhere.
        migrations.AddField(
            model_name='attempt',
            name='run',
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name='attempts',
                to='runs.run',
            ),
        ),
        migrations.AddField(
            model_name='run',
            name='parent_run',
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name='child_runs',
                to='runs.run',
            ),
        ),
        AddConstraintNotValid(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=Q(('run__isnull', False)), name='attempt_says_its_run'),
        ),
        AddConstraintNotValid(
            model_name='run',
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(('parent_run__isnull', True), ('parent_step__isnull', True)),
                    Q(('parent_run__isnull', False), ('parent_step__isnull', False)),
                    _connector='OR',
                ),
                name='run_of_a_step_knows_its_run',
            ),
        ),
    ]
