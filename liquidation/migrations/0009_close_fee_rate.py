"""A contract knows the fee of a close that the venue takes into its bankruptcy prices; those there are have none."""

from django.db import migrations, models

import ledger.fields


class Migration(migrations.Migration):
    dependencies = [("liquidation", "0008_answered_queues")]
    operations = [
        migrations.AddField(
            model_name="contract",
            name="close_fee_rate",
            field=ledger.fields.AmountField(
                default=0,
                help_text="Share of a close's notional, for its fee, that a bankruptcy price leaves in the margin.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.CheckConstraint(
                condition=models.Q(("close_fee_rate__gte", 0), ("close_fee_rate__lt", 1)),
                name="contract_close_fee_rate",
            ),
        ),
    ]
