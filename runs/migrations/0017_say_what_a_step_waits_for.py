from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Quick, whatever the size of the table: the rows of before are filled in and looked at by the next one."""

    dependencies = [
        ('runs', '0016_find_what_ended_without_test_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='steprun',
            name='waits_for',
            field=models.CharField(
                blank=True,
                choices=[
                    ('time', 'Time'),
                    ('child', 'Child run'),
                    ('items', 'Items'),
                    ('approval', 'Approval'),
                    ('review', 'Review'),
                    ('signal', 'Signal'),
                    ('records', 'Records'),
                ],
                db_default='',
                default='',
                max_length=8,
            ),
        ),
        AddConstraintNotValid(
            model_name='steprun',
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(('state', 'needs_review'), ('waits_for', 'review')),
                    Q(
                        ('state', 'waiting'),
                        ('waits_for__in', ['time', 'child', 'items', 'approval', 'signal', 'records']),
                    ),
                    Q(Q(('state__in', ['waiting', 'needs_review']), _negated=True), ('waits_for', '')),
                    _connector='OR',
                ),
                name='step_says_what_it_waits_for',
            ),
        ),
    ]
