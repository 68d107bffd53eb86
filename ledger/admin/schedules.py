"""When the tasks run. The library's actions on schedules ask for no permission: here they take that of changing one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class ScheduleAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Run, enable and disable: for those who may change a schedule, nobody else."""
        actions: dict[str, Any] = super().get_actions(request)
        return actions if self.has_change_permission(request) else {}
