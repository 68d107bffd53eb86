"""Who may see events and webhooks in the admin, and when they are sent."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

# What a person may do: switch a webhook on and off, have dead letters sent again.
SENDERS = ("bookkeeper", "treasury")
ACTIONS = ("change_webhook", "change_deadletter")
SECONDS_BETWEEN = 2


def grant(apps, schema_editor):
    # Permissions are made after all migrations otherwise, too late for this one.
    create_permissions(installed.get_app_config("events"), verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="events")
    for group in apps.get_model("auth", "Group").objects.filter(name__in=(*SENDERS, "auditor")):
        group.permissions.add(*permissions.filter(codename__startswith="view_"))
        if group.name in SENDERS:
            group.permissions.add(*permissions.filter(codename__in=ACTIONS))


def schedule(apps, schema_editor):
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    every, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=SECONDS_BETWEEN, period="seconds"
    )
    # What no worker took in time need not be done twice.
    tasks.get_or_create(
        name="Send events to webhooks",
        defaults={"task": "events.deliver_waiting", "interval": every, "expire_seconds": 10},
    )
    nightly, _ = apps.get_model("django_celery_beat", "CrontabSchedule").objects.get_or_create(
        minute="40", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    tasks.get_or_create(
        name="Forget old attempts of webhooks",
        defaults={"task": "events.forget_attempts", "crontab": nightly, "expire_seconds": 3600},
    )


class Migration(migrations.Migration):
    dependencies = [("config", "0002_schedules"), ("events", "0002_webhooks")]
    operations = [
        migrations.RunPython(grant, migrations.RunPython.noop),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
