from django.db import migrations

import ledger.fields


class Migration(migrations.Migration):
    dependencies = [
        ("liquidation", "0004_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="contract",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="correction",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="deleveraging",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="fill",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
        migrations.AddField(
            model_name="takeover",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
    ]
