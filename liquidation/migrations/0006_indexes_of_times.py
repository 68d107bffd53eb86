import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("fund", "0012_adl_queue_in_one_reading"),
        ("liquidation", "0005_recorders"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="takeover",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["taken_over_at", "closed_at"], name="takeover_times", pages_per_range=32
            ),
        ),
    ]
