from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform

from controlplane.listing.declaration.full_text import Words


class Migration(migrations.Migration):
    """Nobody is kept from writing meanwhile. Of runs without an error the last two hold nothing."""

    atomic = False

    dependencies = [
        ('runs', '0020_find_the_runs_that_need_attention'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                fields=['project', 'created_by', '-created_at', '-id'],
                include=('state', 'workflow', 'environment', 'trigger', 'agent'),
                name='run_list_by_starter',
            ),
        ),
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(
                models.F('project'),
                KeyTextTransform('type', 'error'),
                models.OrderBy(models.F('created_at'), descending=True),
                models.OrderBy(models.F('id'), descending=True),
                models.F('state'),
                condition=models.Q(('error__isnull', False)),
                name='run_list_by_error',
            ),
        ),
        AddIndexConcurrently(
            model_name='run',
            index=GinIndex(
                Words(KeyTextTransform('message', 'error')),
                condition=models.Q(('error__isnull', False)),
                fastupdate=False,
                name='run_error_words',
            ),
        ),
    ]
