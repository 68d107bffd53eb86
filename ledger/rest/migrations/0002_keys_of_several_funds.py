from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


def take_over(apps, schema_editor):
    for key in apps.get_model("rest", "ApiKey").objects.exclude(fund=""):
        key.funds = [key.fund]
        key.save(update_fields=["funds"])


class Migration(migrations.Migration):
    dependencies = [("rest", "0001_keys_and_answers")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="funds",
            field=ArrayField(
                base_field=models.CharField(max_length=60),
                blank=True,
                default=list,
                help_text="The funds it works with; empty: every fund.",
                size=None,
            ),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.RemoveField(model_name="apikey", name="fund"),
    ]
