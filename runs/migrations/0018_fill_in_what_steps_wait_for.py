from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations, models

# What was inferred wherever it mattered, once more and for the last time.
FILL_IN = """
UPDATE runs_steprun SET waits_for = CASE
    WHEN state = 'needs_review' THEN 'review'
    WHEN open_items IS NOT NULL THEN 'items'
    WHEN due_at IS NULL THEN 'child'
    ELSE 'time' END
WHERE state IN ('waiting', 'needs_review') AND waits_for = ''
"""


class Migration(migrations.Migration):
    """Touches only the rows that wait, and keeps nobody from the others."""

    atomic = False

    dependencies = [
        ('runs', '0017_say_what_a_step_waits_for'),
    ]

    operations = [
        migrations.RunSQL(FILL_IN, migrations.RunSQL.noop),
        ValidateConstraint(model_name='steprun', name='step_says_what_it_waits_for'),
        AddIndexConcurrently(
            model_name='steprun',
            index=models.Index(
                condition=models.Q(('waits_for', 'child')), fields=['id'], name='step_waits_for_a_child'
            ),
        ),
        RemoveIndexConcurrently(model_name='steprun', name='step_waits_for_child'),
    ]
