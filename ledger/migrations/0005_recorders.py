from django.db import migrations

import ledger.fields


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_currencies_looked_up_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="currency",
            name="recorded_by",
            field=ledger.fields.RecorderField(),
        ),
    ]
