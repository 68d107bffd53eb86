"""The servers of this checkout: those of the environment, or the private ones whose state lies in `.bulwark/`."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import PrivateServers
from config.embedded.confinement import end_with
from config.embedded.locks import FileLock

PROJECT = Path(__file__).resolve().parent.parent
SECONDS_TO_MIGRATE = 600.0


def state_folder() -> Path:
    """Where the private servers keep their state; BULWARK_STATE names another place."""
    return Path(os.environ.get("BULWARK_STATE") or PROJECT / ".bulwark")


@contextmanager
def servers(*, migrated: bool) -> Iterator[None]:
    """Have servers while the block runs, and the environment point at them, before settings are loaded.

    With DATABASE_URL set nothing is started. `migrated` brings the private database to this checkout's migrations.
    Errors: ServersUnavailable, scratch.MigrationFailed.
    """
    if os.environ.pop("BULWARK_ENDS_WITH_PARENT", ""):
        # `make demo` and `make run`: a killed `make` leaves nothing behind either.
        end_with(os.getppid(), signal.SIGTERM)
    if "DATABASE_URL" in os.environ:
        yield
        return
    with PrivateServers(state_folder()) as addresses:
        for name, value in addresses.environment().items():
            os.environ.setdefault(name, value)
        if migrated:
            _bring_up_to_date()
        yield


def _bring_up_to_date() -> None:
    """Migrate when the migrations are others than at the last time. Otherwise it costs reading them, no connection."""
    from config.scratch import migrate, schema_digest, urls_of_environment

    stamp, digest = state_folder() / "migrated", schema_digest()
    if _text(stamp) == digest:
        return
    lock = FileLock(state_folder() / "migrating.lock")
    try:
        if lock.take_within(SECONDS_TO_MIGRATE) and _text(stamp) != digest:
            migrate(urls_of_environment())
            stamp.write_text(digest)
    finally:
        lock.close()


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
