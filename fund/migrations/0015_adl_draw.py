"""The ADL queue's functions as they are now, also where migration 0012 installed others."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0014_allocation_trees")]
    operations = [
        migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)
        for name in ("adl_scores.sql", "adl_queue.sql")
    ]
