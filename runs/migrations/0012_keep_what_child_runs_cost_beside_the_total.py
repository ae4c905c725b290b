from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0011_tell_the_lives_of_workers_apart'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='children_cost_usd',
            field=models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=14),
        ),
        migrations.AddField(
            model_name='run',
            name='children_input_tokens',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='run',
            name='children_output_tokens',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='run',
            name='is_counted',
            field=models.BooleanField(
                db_default=False, default=False, help_text='The step that started it has its cost.'
            ),
        ),
    ]
