import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0005_keep_trials_that_workers_make'),
        ('runs', '0013_fill_in_what_child_runs_cost'),
    ]

    operations = [
        migrations.AddField(
            model_name='call',
            name='environment',
            field=models.CharField(
                blank=True,
                choices=[('dev', 'Dev'), ('staging', 'Staging'), ('production', 'Production')],
                db_default='',
                default='',
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name='call',
            name='instance',
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name='+',
                to='agents.instance',
            ),
        ),
        migrations.AddField(
            model_name='call',
            name='is_test',
            field=models.BooleanField(
                db_default=False, default=False, help_text='In a test run, which figures leave out.'
            ),
        ),
        migrations.AddField(
            model_name='call',
            name='model',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.RemoveConstraint(model_name='call', name='call_is_of_a_tool_or_an_agent'),
        migrations.AddConstraint(
            model_name='call',
            constraint=models.CheckConstraint(
                condition=models.Q(('tool__isnull', True), ('agent__isnull', True), _connector='OR'),
                name='call_is_not_of_a_tool_and_an_agent',
            ),
        ),
    ]
