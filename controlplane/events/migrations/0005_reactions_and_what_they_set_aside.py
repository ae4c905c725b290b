import controlplane.events.models
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0004_index_events_by_type_for_reactions'),
        ('projects', '0009_keep_letters_until_they_are_sent'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReactionCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('xid', controlplane.events.models.TransactionId()),
                ('event_id', models.BigIntegerField()),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failing_id', models.BigIntegerField(null=True)),
                ('last_error', models.TextField(blank=True)),
                ('failures_total', models.PositiveBigIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='SetAside',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reaction', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='set_aside', to='events.reactioncursor')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='projects.project')),
                ('event', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='events.event')),
                ('type', models.CharField(max_length=64)),
                ('error', models.TextField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name_plural': 'events set aside',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('reaction', 'event'), name='set_aside_once')],
            },
        ),
    ]
