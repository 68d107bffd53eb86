"""Inventory movements keep where they stand among the entries."""

from django.db import migrations

from ledger.fields import JournalPlaceField


class Migration(migrations.Migration):
    dependencies = [("fund", "0012_adl_queue_in_one_reading"), ("ledger", "0007_indexes_of_times")]
    operations = [JournalPlaceField.added_to("inventorymovement", table="fund_inventorymovement")]
