"""An account's currency is looked up once a statement, and a currency that has accounts is kept as it is."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_balances_at")]
    operations = [
        migrations.AlterField(
            model_name="account",
            name="currency",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="ledger.currency",
            ),
        ),
        migrations.RunSQL([(SQL / "guards_of_currencies.sql").read_text()], migrations.RunSQL.noop),
    ]
