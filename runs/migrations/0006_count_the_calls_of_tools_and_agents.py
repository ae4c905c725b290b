from django.db import migrations, models
from django.db.models import Q

# What ended before: every attempt of a step that called a tool or an agent. A step's cost goes to its last attempt.
COUNT_EARLIER_CALLS = """
INSERT INTO runs_call (tool_id, agent_id, run_id, workflow_id, ended_at, duration_ms, outcome, cost_usd, input_tokens,
                       output_tokens)
SELECT tool.id, CASE WHEN tool.id IS NULL THEN agent.id END, run.id, run.workflow_id, attempt.ended_at,
       LEAST(GREATEST(0, extract(epoch FROM attempt.ended_at - attempt.started_at) * 1000), 2147483647)::int,
       CASE WHEN attempt.state = 'failed' THEN left(COALESCE(attempt.error ->> 'type', 'failed'), 63)
            ELSE attempt.state END,
       CASE WHEN attempt.number = step.attempt_no THEN step.cost_usd ELSE 0 END,
       CASE WHEN attempt.number = step.attempt_no THEN step.input_tokens ELSE 0 END,
       CASE WHEN attempt.number = step.attempt_no THEN step.output_tokens ELSE 0 END
FROM runs_attempt attempt
JOIN runs_steprun step ON step.id = attempt.step_id
JOIN runs_run run ON run.id = step.run_id
LEFT JOIN agents_tool tool ON tool.project_id = run.project_id AND 'tool:' || tool.name = step.uses
LEFT JOIN agents_agent agent ON agent.project_id = run.project_id AND 'agent:' || agent.name = step.uses
WHERE attempt.state IN ('succeeded', 'failed', 'cancelled') AND attempt.ended_at IS NOT NULL
  AND (tool.id IS NOT NULL OR agent.id IS NOT NULL)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0001_agents_tools_and_instances'),
        ('runs', '0005_pause_child_runs_and_find_whom_to_ring'),
        ('workflows', '0004_freeze_all_of_a_released_version'),
    ]

    operations = [
        migrations.CreateModel(
            name='Call',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ended_at', models.DateTimeField()),
                ('duration_ms', models.IntegerField()),
                ('outcome', models.CharField(max_length=63)),
                ('cost_usd', models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                ('input_tokens', models.BigIntegerField(default=0)),
                ('output_tokens', models.BigIntegerField(default=0)),
                ('agent', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=models.CASCADE, related_name='+', to='agents.agent')),
                ('caller', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=models.CASCADE, related_name='+', to='agents.agent')),
                ('run', models.ForeignKey(on_delete=models.CASCADE, related_name='calls', to='runs.run')),
                ('tool', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=models.CASCADE, related_name='+', to='agents.tool')),
                ('workflow', models.ForeignKey(db_constraint=False, db_index=False, on_delete=models.CASCADE, related_name='+', to='workflows.workflow')),
            ],
            options={
                'indexes': [models.Index(condition=Q(agent__isnull=False), fields=['agent', 'ended_at'], include=['duration_ms', 'outcome', 'cost_usd', 'input_tokens', 'output_tokens', 'workflow', 'run'], name='call_of_agent'), models.Index(condition=Q(tool__isnull=False), fields=['tool', 'ended_at'], include=['duration_ms', 'outcome', 'cost_usd', 'workflow', 'caller'], name='call_of_tool')],
                'constraints': [models.CheckConstraint(condition=Q(('tool__isnull', True), ('agent__isnull', True), _connector='XOR'), name='call_is_of_a_tool_or_an_agent')],
            },
        ),
        migrations.RunSQL(COUNT_EARLIER_CALLS, migrations.RunSQL.noop),
    ]
