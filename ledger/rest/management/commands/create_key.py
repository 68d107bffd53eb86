"""`manage.py create_key --role engine --name matching-engine`: a key of the API, shown once."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ledger.errors import Refused
from ledger.rest.keys import create_key
from ledger.rest.models import Role


class Command(BaseCommand):
    help = "Make a key of the API. Its secret is printed once, alone on standard output, and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", required=True, help="stands in the books as who recorded an entry")
        parser.add_argument("--trader", default="", help="whose rows a trader's key reads")
        parser.add_argument(
            "--fund", action="append", default=[], help="a fund that the key works with; may stand several times"
        )
        parser.add_argument("--user", help="user name of the person behind the key")
        parser.add_argument("--days", type=int, help="days until it expires; without it, never")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            _, secret = create_key(
                name=options["name"],
                role=Role(options["role"]),
                trader=options["trader"],
                funds=options["fund"],
                user=self._user(options["user"]),
                created_at=now,
                expires_at=now + timedelta(days=options["days"]) if options["days"] is not None else None,
            )
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stderr.write(f"key {options['name']}, role {options['role']}: shown this once")
        self.stdout.write(secret)

    def _user(self, username: str | None) -> User | None:
        if username is None:
            return None
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username}")
        return user
