"""`migrate`, and after it the rights of the role that the service connects as."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from psycopg import sql

GRANTS = Path(__file__).resolve().parents[2] / "sql" / "grants.sql"


class Command(DjangoMigrate):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        role = settings.SERVICE_ROLE
        with connections[options["database"]].cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) AND current_user <> %s"
                " AND to_regclass('ledger_posting') IS NOT NULL",
                [role, role],
            )
            # Where the service connects as the owner itself there is nobody to grant to; the guards hold all the same.
            if cursor.fetchone()[0]:
                cursor.execute(sql.SQL(GRANTS.read_text()).format(role=sql.Identifier(role)))
