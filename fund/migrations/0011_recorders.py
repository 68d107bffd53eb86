from django.db import migrations

import ledger.fields


class Migration(migrations.Migration):
    dependencies = [
        ("fund", "0010_cycle_position_trader"),
    ]

    operations = [
        migrations.AddField(
            model_name="cycle",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="fund",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="inventorymovement",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
    ]
