"""Balances at a moment, as SQL beside the Python that calls it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_journal_door_and_guards")]
    operations = [migrations.RunSQL([(SQL / "balances_at.sql").read_text()], migrations.RunSQL.noop)]
