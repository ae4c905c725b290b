from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_keep_exported_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="attempts",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="jobrow",
            name="attempts",
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
    ]
