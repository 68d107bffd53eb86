"""The guards of what became of losses, surpluses and the fund's own positions."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("fund", "0005_inventory_contract_terms")]
    operations = [migrations.RunSQL((SQL / "guards_of_results.sql").read_text(), migrations.RunSQL.noop)]
