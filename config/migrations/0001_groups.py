"""The three groups of people, and what each may do in the admin.

Everybody reads everything. `add` and `change` of a model that nobody edits stand for the domain's actions: adding an
entry is reversing one, changing a cycle is settling it, changing a transfer is deciding on it. Keys and users are for
superusers alone: whoever makes them could be two persons.
"""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

READ = ("ledger", "fund", "liquidation", "rest", "django_celery_beat", "django_celery_results")
GROUPS = {
    "bookkeeper": (
        "ledger.add_currency",
        "ledger.add_entry",
        "fund.add_cycle",
        "fund.change_cycle",
        "django_celery_beat.change_periodictask",
        "django_celery_beat.add_crontabschedule",
        "django_celery_beat.add_intervalschedule",
    ),
    "treasury": (
        "ledger.add_currency",
        "fund.add_fund",
        "fund.add_rulebookversion",
        "fund.add_transfer",
        "fund.change_transfer",
        "liquidation.add_contract",
    ),
    "auditor": (),
}


def grant(apps, schema_editor):
    for label in READ:
        # Permissions are made after all migrations otherwise, too late for this one. For the models of today, not of
        # this place in the history: a table that comes later is read from the first day too.
        create_permissions(installed.get_app_config(label), verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label__in=READ)
    by_name = {f"{each.content_type.app_label}.{each.codename}": each for each in permissions.select_related()}
    read = [each for name, each in by_name.items() if ".view_" in name]
    for name, actions in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*read, *(by_name[action] for action in actions))


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("django_celery_results", "0014_alter_taskresult_status"),
        ("ledger", "0003_balances_at"),
        ("rest", "0001_keys_and_answers"),
        ("fund", "0001_initial"),
        ("liquidation", "0001_initial"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
