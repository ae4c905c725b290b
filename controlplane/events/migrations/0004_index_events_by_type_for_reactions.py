from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The table is the largest there is: nobody waits while it is indexed.
    atomic = False

    dependencies = [
        ('events', '0003_number_events_once_on_postgresql_14_too'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(fields=['type', 'xid', 'id'], name='event_for_reactions'),
        ),
    ]
