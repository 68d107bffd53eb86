"""A shortfall keeps what the fund had free when its part of the loss was decided."""

from django.db import migrations

from ledger.fields import AmountField


class Migration(migrations.Migration):
    dependencies = [("fund", "0016_open_positions_in_reading_order")]
    operations = [
        migrations.AddField(
            model_name="shortfall",
            name="fund_balance",
            field=AmountField(blank=True, help_text="What the fund had free when its part was decided.", null=True),
        )
    ]
