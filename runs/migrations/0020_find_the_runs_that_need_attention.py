from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models

# Until now only reviews were waited for, and each pauses its run.
FILL_IN = """
UPDATE runs_run SET people_steps = asked.steps,
    attention_since = CASE WHEN state = 'paused' THEN COALESCE(pause_requested_at, now()) END
FROM (SELECT run_id, count(*) AS steps FROM runs_steprun WHERE state = 'needs_review' GROUP BY run_id) AS asked
WHERE runs_run.id = asked.run_id AND ended_at IS NULL AND stop_requested_at IS NULL
"""


class Migration(migrations.Migration):
    """Touches only the runs that wait for somebody, and keeps nobody from the others."""

    atomic = False

    dependencies = [
        ('runs', '0019_know_the_runs_that_need_attention'),
    ]

    operations = [
        migrations.RunSQL(FILL_IN, migrations.RunSQL.noop),
        ValidateConstraint(model_name='run', name='run_needs_attention_of_somebody'),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(('attention_since__isnull', False)),
                fields=['project', '-created_at', '-id'],
                include=('state', 'workflow', 'environment', 'trigger', 'agent'),
                name='run_needs_attention',
            ),
        ),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(('people_steps__gt', 0)), fields=['id'], name='run_asks_people'
            ),
        ),
    ]
