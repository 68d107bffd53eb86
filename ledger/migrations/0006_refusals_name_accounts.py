"""The posting door names the account that it refuses apart from the message, also where migration 0002 is long done."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_recorders")]
    operations = [migrations.RunSQL([(SQL / "post_entries.sql").read_text()], migrations.RunSQL.noop)]
