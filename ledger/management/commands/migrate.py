"""`migrate`, and after it the rights of the role that the service connects as."""

from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from psycopg import sql


class Command(DjangoMigrate):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        role = settings.SERVICE_ROLE
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) AND current_user <> %s", [role, role]
            )
            # Where the service connects as the owner itself there is nobody to grant to; the guards hold all the same.
            if not cursor.fetchone()[0]:
                return
            tables = set(connection.introspection.table_names(cursor))
            # In the order of INSTALLED_APPS: the ledger grants, the apps above it take away.
            for app in apps.get_app_configs():
                grants = Path(app.path) / "sql" / "grants.sql"
                if grants.exists() and _tables(app) <= tables:
                    cursor.execute(sql.SQL(grants.read_text()).format(role=sql.Identifier(role)))


def _tables(app: AppConfig) -> set[str]:
    return {model._meta.db_table for model in app.get_models()}
