"""What runs by itself, and when. The rows are the schedule: edited in the admin, obeyed by beat at once."""

from django.db import migrations

# Name, task, and its crontab: minute, hour (UTC).
SCHEDULES = (
    ("Settle due cycles", "fund.settle_due_cycles", "*", "*"),
    ("Open the next cycles", "fund.open_next_cycles", "*/5", "*"),
    ("Snapshot the funds", "fund.snapshot_funds", "0", "*"),
    ("Verify the books", "ledger.verify_books", "30", "2"),
)


def schedule(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule").objects
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    for name, task, minute, hour in SCHEDULES:
        crontab, _ = crontabs.get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
        )
        # A run that found no worker for an hour is not made up for: the next one does its work.
        tasks.get_or_create(name=name, defaults={"task": task, "crontab": crontab, "expire_seconds": 3600})


class Migration(migrations.Migration):
    dependencies = [("config", "0001_groups")]
    operations = [migrations.RunPython(schedule, migrations.RunPython.noop)]
