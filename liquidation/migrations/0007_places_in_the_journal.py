"""Takeovers and fills keep where they stand among the entries; who recorded a takeover, and its place, are fixed."""

from pathlib import Path

from django.db import migrations

from ledger.fields import JournalPlaceField

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("liquidation", "0006_indexes_of_times"), ("ledger", "0007_indexes_of_times")]
    operations = [
        JournalPlaceField.added_to("takeover", table="liquidation_takeover"),
        JournalPlaceField.added_to("fill", table="liquidation_fill"),
        # The guard names the column now.
        migrations.RunSQL((SQL / "guards.sql").read_text(), migrations.RunSQL.noop),
    ]
