"""Open positions with what a queue reads of all of them in front: a row is taken apart from its start to the last
column that is asked for, and numbers of one length cost least. No column is another one than before.
"""

from decimal import Decimal
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Cast

from ledger.fields import AmountField

SQL = Path(__file__).resolve().parents[1] / "sql"
COLUMNS = "fund_id, position, trader, contract, side, quantity, entry_price, mark_price, margin, wallet"
TAKE_OUT = f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT id, {COLUMNS} FROM fund_openposition"
PUT_BACK = f"INSERT INTO fund_openposition ({COLUMNS}) SELECT {COLUMNS} FROM kept ORDER BY id"
TOO_LARGE = Decimal("1E+38")


def rounded(expression: models.Expression | F) -> models.GeneratedField:
    nearest = models.FloatField()
    return models.GeneratedField(expression=Cast(expression, nearest), output_field=nearest, db_persist=True)


class Migration(migrations.Migration):
    dependencies = [("fund", "0015_adl_draw")]
    operations = [
        migrations.RunSQL(TAKE_OUT, PUT_BACK),
        migrations.DeleteModel("OpenPosition"),
        migrations.CreateModel(
            name="OpenPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "fund",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="open_positions",
                        to="fund.fund",
                    ),
                ),
                ("quantity_float", rounded(F("quantity"))),
                ("entry_float", rounded(F("entry_price"))),
                ("mark_float", rounded(F("mark_price"))),
                ("move_float", rounded(F("mark_price") - F("entry_price"))),
                ("margin_float", rounded(F("margin"))),
                ("wallet_float", rounded(F("wallet"))),
                ("side", models.CharField(max_length=5)),
                ("contract", models.CharField(db_collation="C", max_length=100)),
                ("position", models.CharField(db_collation="C", max_length=200)),
                ("trader", models.CharField(db_collation="C", max_length=100)),
                ("quantity", AmountField()),
                ("entry_price", AmountField()),
                ("mark_price", AmountField()),
                ("margin", AmountField(blank=True, null=True)),
                ("wallet", AmountField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["fund", "contract", "side"], name="open_position_book"),
                    models.Index(fields=["trader"], name="open_position_trader"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "position"), name="open_position_once"),
                    models.CheckConstraint(
                        condition=Q(side__in=["long", "short"], quantity__gt=0, entry_price__gt=0, mark_price__gt=0),
                        name="open_position_sane",
                    ),
                    models.CheckConstraint(
                        condition=Q(quantity__lt=TOO_LARGE, entry_price__lt=TOO_LARGE, mark_price__lt=TOO_LARGE)
                        & (Q(margin=None) | Q(margin__gt=-TOO_LARGE, margin__lt=TOO_LARGE))
                        & (Q(wallet=None) | Q(wallet__gt=-TOO_LARGE, wallet__lt=TOO_LARGE)),
                        name="open_position_in_range",
                    ),
                ],
            },
        ),
        # The sample's index went with the table.
        *(
            migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)
            for name in ("adl_scores.sql", "adl_queue.sql")
        ),
        migrations.RunSQL(PUT_BACK, TAKE_OUT),
    ]
