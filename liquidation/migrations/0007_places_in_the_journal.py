"""Takeovers and fills keep where they stand among the entries; who recorded a takeover, and its place, are fixed."""

from pathlib import Path

from django.db import migrations

import ledger.fields

SQL = Path(__file__).resolve().parents[1] / "sql"


def added(model: str) -> migrations.SeparateDatabaseAndState:
    """Rows that are there already get no place: added with its default, the column would number them as the last."""
    table = f"liquidation_{model}"
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD COLUMN place bigint;"
                f" ALTER TABLE {table} ALTER COLUMN place SET DEFAULT nextval('ledger_entry_id_seq')",
                f"ALTER TABLE {table} DROP COLUMN place",
            )
        ],
        state_operations=[migrations.AddField(model, "place", ledger.fields.JournalPlaceField())],
    )


class Migration(migrations.Migration):
    dependencies = [("liquidation", "0006_indexes_of_times"), ("ledger", "0007_indexes_of_times")]
    operations = [
        added("takeover"),
        added("fill"),
        # The guard names the column now.
        migrations.RunSQL((SQL / "guards.sql").read_text(), migrations.RunSQL.noop),
    ]
