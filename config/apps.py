from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class BulwarkAdminConfig(AdminConfig):
    default_site = "config.admin.BulwarkSite"


class InstallationConfig(AppConfig):
    """The installation as a whole: the groups of people, and the look of the admin."""

    name = "config"
    verbose_name = "Installation"

    def ready(self) -> None:
        # Whoever sends a task, from the admin too, sends it through the application's broker.
        from config import celery, tracing  # noqa: F401

        tracing.start()
