"""The task processes: `celery --app config.celery worker` and `beat`. Schedules are rows, editable in the admin."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("bulwark", task_cls="config.tasks:ObservedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Named, not imported: the scheduler and the workers load it when the settings are there.
app.steps["worker"].add("config.heartbeat:WorkerHeartbeat")


@setup_logging.connect
def set_up_logging(**options: Any) -> None:
    """Log as the web processes do: Celery leaves it alone where somebody listens to this."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
