import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The new index stands before the one that it replaces goes."""

    atomic = False

    dependencies = [
        ('runs', '0024_hold_attempts_to_their_run'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='steprun', index=models.Index(fields=['run', 'id'], name='step_of_run')
        ),
        migrations.AlterField(
            model_name='steprun',
            name='run',
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name='steps',
                to='runs.run',
            ),
        ),
    ]
