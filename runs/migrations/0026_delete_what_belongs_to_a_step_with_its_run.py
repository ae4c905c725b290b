import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Drops four constraints and two indexes, each in a moment, for which it waits until nobody else uses the tables."""

    # So that no table stays locked while the next one is waited for.
    atomic = False

    dependencies = [
        ('runs', '0025_find_steps_by_run_and_id'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attempt',
            name='step',
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name='attempts',
                to='runs.steprun',
            ),
        ),
        migrations.AlterField(
            model_name='logchunk',
            name='step',
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name='log_chunks',
                to='runs.steprun',
            ),
        ),
        migrations.AlterField(
            model_name='artifact',
            name='step',
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name='artifacts',
                to='runs.steprun',
            ),
        ),
        migrations.AlterField(
            model_name='run',
            name='parent_step',
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name='children',
                to='runs.steprun',
            ),
        ),
    ]
