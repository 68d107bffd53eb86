"""The queues that were answered are kept, and an ADL event names the one that it goes by."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import ledger.fields

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("liquidation", "0007_places_in_the_journal")]
    operations = [
        migrations.CreateModel(
            name="AnsweredQueue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", ledger.fields.AmountField()),
                ("mark_price", ledger.fields.AmountField(blank=True, null=True)),
                (
                    "queue",
                    models.JSONField(
                        help_text="Down to the cut line with its inputs; of an external queue all that was listed."
                    ),
                ),
                ("answered_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("recorded_by", ledger.fields.RecorderField()),
                (
                    "takeover",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answered_queues",
                        to="liquidation.takeover",
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.AddField(
            model_name="deleveraging",
            name="answered",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deleveragings",
                to="liquidation.answeredqueue",
            ),
        ),
        migrations.AlterField(
            model_name="deleveraging",
            name="queue",
            field=models.JSONField(
                help_text="The queue, where none had been answered; the event's mark, and what it averted."
            ),
        ),
        migrations.RunSQL(
            (SQL / "guards_of_queues.sql").read_text(),
            "DROP TRIGGER deleveraging_answered ON liquidation_deleveraging;"
            " DROP FUNCTION liquidation_guard_deleveraging();"
            " DROP TRIGGER answered_queue_append_only ON liquidation_answeredqueue",
        ),
    ]
