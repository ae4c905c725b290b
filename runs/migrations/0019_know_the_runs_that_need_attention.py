from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Quick, whatever the size of the tables: the runs of before are filled in by the next one."""

    dependencies = [
        ('runs', '0018_fill_in_what_steps_wait_for'),
    ]

    operations = [
        migrations.AddField(model_name='run', name='attention_since', field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name='run', name='people_steps', field=models.IntegerField(db_default=0, default=0)
        ),
        # A word only.
        migrations.AlterField(
            model_name='steprun',
            name='state',
            field=models.CharField(
                choices=[
                    ('pending', 'Pending'),
                    ('queued', 'Queued'),
                    ('running', 'Running'),
                    ('waiting', 'Waiting'),
                    ('retrying', 'Retrying'),
                    ('succeeded', 'Succeeded'),
                    ('failed', 'Failed'),
                    ('skipped', 'Skipped'),
                    ('cancelled', 'Cancelled'),
                    ('needs_review', 'Needs attention'),
                ],
                default='pending',
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            model_name='run',
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(('people_steps__gt', 0), ('state__in', ['running', 'paused'])),
                    Q(('attention_since__isnull', True), ('people_steps__gte', 0)),
                    _connector='OR',
                ),
                name='run_needs_attention_of_somebody',
            ),
        ),
    ]
