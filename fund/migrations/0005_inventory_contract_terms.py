from decimal import Decimal

from django.db import migrations, models

import ledger.fields


class Migration(migrations.Migration):
    dependencies = [("fund", "0004_guards")]

    operations = [
        migrations.AddField(
            model_name="inventoryposition",
            name="kind",
            field=models.CharField(
                default="linear", help_text="Of the contract: linear, inverse or quanto.", max_length=7
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="inventoryposition",
            name="multiplier",
            field=ledger.fields.AmountField(default=Decimal(1), help_text="Of the contract."),
            preserve_default=False,
        ),
    ]
