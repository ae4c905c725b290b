from django.db import migrations

# So many ids at once, each batch a transaction of its own. What is filled in already is passed over, so that this may
# be interrupted and begun again.
BATCH = 20_000

ATTEMPTS = """
UPDATE runs_attempt SET run_id = step.run_id
FROM runs_steprun step
WHERE runs_attempt.id > %(after)s AND runs_attempt.id <= %(until)s AND runs_attempt.run_id IS NULL
  AND step.id = runs_attempt.step_id
"""
PARENTS = """
UPDATE runs_run SET parent_run_id = step.run_id
FROM runs_steprun step
WHERE runs_run.id > %(after)s AND runs_run.id <= %(until)s AND runs_run.parent_run_id IS NULL
  AND step.id = runs_run.parent_step_id
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, statement in (('runs_attempt', ATTEMPTS), ('runs_run', PARENTS)):
            cursor.execute(f'SELECT COALESCE(max(id), 0) FROM {table}')
            (last,) = cursor.fetchone()
            for after in range(0, last, BATCH):
                cursor.execute(statement, {'after': after, 'until': after + BATCH})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('runs', '0022_say_the_run_of_attempts_and_of_parents'),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
