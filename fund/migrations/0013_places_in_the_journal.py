"""Inventory movements keep where they stand among the entries."""

from django.db import migrations

import ledger.fields


def added(model: str) -> migrations.SeparateDatabaseAndState:
    """Rows that are there already get no place: added with its default, the column would number them as the last."""
    table = f"fund_{model}"
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
    dependencies = [("fund", "0012_adl_queue_in_one_reading"), ("ledger", "0007_indexes_of_times")]
    operations = [
        added("inventorymovement"),
    ]
