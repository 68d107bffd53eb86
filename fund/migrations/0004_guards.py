"""The guards of the fund's tables."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("fund", "0003_cycle_rows_without_foreign_keys"),
        ("ledger", "0002_journal_door_and_guards"),
    ]
    operations = [migrations.RunSQL((SQL / "guards.sql").read_text(), migrations.RunSQL.noop)]
