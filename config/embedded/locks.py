"""Locks of the kernel on files (flock), which end with the process however it ends."""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.02


class FileLock:
    """An open lock file. Two objects on the same file exclude each other, also within one process."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Errors: FileNotFoundError, without `create`."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)

    def share(self) -> bool:
        """Take the lock together with others; False when someone holds it alone."""
        return self._take(fcntl.LOCK_SH)

    def take(self) -> bool:
        """Take the lock alone; False when anyone else holds it, and then a share held before is gone too."""
        return self._take(fcntl.LOCK_EX)

    def take_within(self, seconds: float) -> bool:
        """Take the lock alone, waiting for the others to let go."""
        deadline = time.monotonic() + seconds
        while not self.take():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)

    def _take(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
