from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each new index stands before the old one goes, and neither keeps anybody from writing."""

    atomic = False

    dependencies = [
        ('runs', '0015_fill_in_model_environment_and_instance_of_calls'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(('ended_at__isnull', False)),
                fields=['project', 'ended_at'],
                include=('state', 'started_at', 'trigger'),
                name='run_ended_in_project',
            ),
        ),
        RemoveIndexConcurrently(model_name='run', name='run_ended'),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(('ended_at__isnull', False)),
                fields=['workflow', 'ended_at'],
                include=('state', 'started_at', 'trigger'),
                name='run_ended_in_workflow',
            ),
        ),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                condition=models.Q(
                    ('ended_at__isnull', False), ('is_counted', False), ('parent_step__isnull', False)
                ),
                fields=['parent_step'],
                name='run_uncounted_children',
            ),
        ),
        AddIndexConcurrently(
            model_name='call',
            index=models.Index(
                condition=models.Q(('agent__isnull', False)),
                fields=['agent', 'ended_at'],
                include=(
                    *('duration_ms', 'outcome', 'cost_usd', 'input_tokens', 'output_tokens', 'workflow', 'run'),
                    'is_test',
                ),
                name='call_of_one_agent',
            ),
        ),
        RemoveIndexConcurrently(model_name='call', name='call_of_agent'),
        AddIndexConcurrently(
            model_name='call',
            index=models.Index(
                condition=models.Q(('tool__isnull', False)),
                fields=['tool', 'ended_at'],
                include=('duration_ms', 'outcome', 'cost_usd', 'workflow', 'caller', 'is_test'),
                name='call_of_one_tool',
            ),
        ),
        RemoveIndexConcurrently(model_name='call', name='call_of_tool'),
        AddIndexConcurrently(
            model_name='call',
            index=models.Index(
                condition=models.Q(('instance__isnull', False)),
                fields=['instance', 'ended_at'],
                name='call_of_one_instance',
            ),
        ),
    ]
