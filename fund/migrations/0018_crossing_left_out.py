"""A settlement without the crossing position leaves it out also where it reaches the coverage exactly."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0017_balance_of_a_shortfall")]
    operations = [migrations.RunSQL((SQL / "allocate_cycle.sql").read_text(), migrations.RunSQL.noop)]
