from django.db import migrations

# So many ids at once, each batch a transaction of its own.
BATCH = 20_000

# The run knows its environment; its pins lead to the configuration that was called.
FILL = """
UPDATE runs_call SET environment = known.environment, is_test = known.is_test, model = known.model,
    instance_id = known.instance_id
FROM (
    SELECT call.id, run.environment, run.trigger = 'test' AS is_test,
           CASE WHEN call.agent_id IS NULL THEN ''
                ELSE COALESCE(left(pinned.snapshot #>> '{config,model}', 200), '') END AS model,
           instance.id AS instance_id
    FROM runs_call call JOIN runs_run run ON run.id = call.run_id
        LEFT JOIN agents_agent agent ON agent.id = call.agent_id
        LEFT JOIN agents_tool tool ON tool.id = call.tool_id
        LEFT JOIN agents_revision pinned ON pinned.id = COALESCE(
            run.pins #>> ARRAY['agents', agent.name], run.pins #>> ARRAY['tools', tool.name])::bigint
        LEFT JOIN agents_instance instance ON instance.project_id = run.project_id
            AND instance.name = pinned.snapshot #>> '{config,instance}'
    WHERE call.id > %(after)s AND call.id <= %(until)s
) known
WHERE runs_call.id = known.id
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM runs_call")
        (last,) = cursor.fetchone()
        for after in range(0, last, BATCH):
            cursor.execute(FILL, {"after": after, "until": after + BATCH})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('runs', '0014_tell_model_environment_and_instance_of_calls'),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
