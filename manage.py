#!/usr/bin/env python
"""Django's command line, on the servers of the environment or on private ones that last as long as the command."""

import os
import sys

# Commands that read no table and send no task. All others find servers running.
WITHOUT_SERVERS = {
    "",
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "help",
    "makemessages",
    "spectacular",
    "startapp",
    "startproject",
    "version",
}
# Commands of the tables' owner. All others run as the service, which may only add to the journal.
AS_OWNER = {
    "createcachetable",
    "dbshell",
    "inspectdb",
    "makemigrations",
    "migrate",
    "optimizemigration",
    "remove_stale_contenttypes",
    "showmigrations",
    "sqlflush",
    "sqlmigrate",
    "sqlsequencereset",
    "squashmigrations",
}


def main() -> int:
    """Run one command. Returns the exit code where the command has none of its own."""
    # Before anything of Django is loaded: settings are read from the environment.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in AS_OWNER:
        os.environ.setdefault("BULWARK_AS_OWNER", "1")
    asks_only = command.startswith("-") or not {"-h", "--help", "--version"}.isdisjoint(sys.argv)
    if asks_only or (command in WITHOUT_SERVERS and "--database" not in sys.argv):
        execute_from_command_line(sys.argv)
        return 0

    from config.embedded import ServersUnavailable
    from config.installation import servers
    from config.scratch import MigrationFailed

    try:
        with servers(migrated=command not in AS_OWNER):
            execute_from_command_line(sys.argv)
    except (ServersUnavailable, MigrationFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
