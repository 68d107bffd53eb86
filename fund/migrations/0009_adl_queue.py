"""The ranked ADL queue in the database."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0008_open_positions_estimated")]
    operations = [
        migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)
        for name in ("adl_scores.sql", "adl_queue.sql")
    ]
