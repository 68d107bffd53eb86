"""A Merkle tree over the allocations of each run. Those of cycles that are settled already grow like the others."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0013_places_in_the_journal")]
    operations = [
        migrations.CreateModel(
            name="AllocationTree",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run", models.PositiveIntegerField()),
                ("size", models.BigIntegerField()),
                ("root", models.CharField(max_length=64)),
                ("salt", models.BinaryField()),
                ("nodes", models.BinaryField()),
                (
                    "cycle",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trees",
                        to="fund.cycle",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("cycle", "run"), name="allocation_tree_once")],
            },
        ),
        migrations.RunSQL((SQL / "allocation_tree.sql").read_text(), migrations.RunSQL.noop),
    ]
