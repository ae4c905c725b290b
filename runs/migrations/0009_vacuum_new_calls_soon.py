from django.db import migrations

# Figures ask for the latest calls and read only the index, which works for pages that VACUUM has seen. By default it
# comes after a fifth of the table is new: with a million calls, after all that a month of figures is made of.
SOON = """
ALTER TABLE runs_call SET (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_insert_threshold = 2000)
"""
LATE = """
ALTER TABLE runs_call RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold)
"""


class Migration(migrations.Migration):
    dependencies = [
        ('runs', '0008_let_runs_elsewhere_say_they_live'),
    ]

    operations = [migrations.RunSQL(SOON, LATE)]
