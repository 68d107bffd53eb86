"""Settling a cycle, as SQL beside the Python that calls it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0006_guards_of_results"), ("ledger", "0002_journal_door_and_guards")]
    operations = [
        migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)
        for name in ("allocate_cycle.sql", "book_settlement.sql")
    ]
