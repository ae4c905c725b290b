from django.db import migrations

# So many ids at once, each batch a transaction of its own. Only runs that started others are written.
BATCH = 20_000

CHILDREN_COST = """
UPDATE runs_run SET children_cost_usd = spent.cost, children_input_tokens = spent.input_tokens,
    children_output_tokens = spent.output_tokens
FROM (
    SELECT step.run_id, sum(step.cost_usd) AS cost, sum(step.input_tokens) AS input_tokens,
           sum(step.output_tokens) AS output_tokens
    FROM runs_run run JOIN runs_steprun step ON step.run_id = run.id
    WHERE run.id > %(after)s AND run.id <= %(until)s AND step.uses LIKE 'workflow:%%'
      AND (run.cost_usd <> 0 OR run.input_tokens <> 0 OR run.output_tokens <> 0)
    GROUP BY step.run_id
) spent
WHERE runs_run.id = spent.run_id AND (spent.cost <> 0 OR spent.input_tokens <> 0 OR spent.output_tokens <> 0)
"""
# Those that are not counted yet, because their step had been given up, are left to the sweep.
COUNTED = """
UPDATE runs_run SET is_counted = true
FROM runs_steprun step
WHERE runs_run.id > %(after)s AND runs_run.id <= %(until)s AND step.id = runs_run.parent_step_id
  AND runs_run.ended_at IS NOT NULL AND step.ended_at IS NOT NULL AND step.cost_usd = runs_run.cost_usd
  AND step.input_tokens = runs_run.input_tokens AND step.output_tokens = runs_run.output_tokens
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM runs_run")
        (last,) = cursor.fetchone()
        for after in range(0, last, BATCH):
            for statement in (CHILDREN_COST, COUNTED):
                cursor.execute(statement, {"after": after, "until": after + BATCH})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('runs', '0012_keep_what_child_runs_cost_beside_the_total'),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
