"""What a state folder holds: locks, secrets, the record of the running servers, data, logs."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded.locks import FileLock

# What the supervisor answers when both servers take connections; anything else says why they do not.
READY = "ready"


@dataclass(frozen=True)
class Secrets:
    """Generated once per state folder, readable by its owner alone."""

    owner: str
    service: str
    valkey: str
    django: str


@dataclass(frozen=True)
class Running:
    """Where the running servers are; written when both take connections, removed before they stop."""

    supervisor: int
    postgres_port: int
    valkey_port: int
    socket_folder: str


class State:
    """The files of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def starting_lock(self) -> FileLock:
        """Held alone while someone finds out whether the servers run, and starts them."""
        return FileLock(self.folder / "starting.lock")

    def users_lock(self) -> FileLock:
        """Shared by everyone who uses the servers; held alone by whoever stops them."""
        return FileLock(self.folder / "users.lock")

    def supervisor_lock(self) -> FileLock:
        """Held alone by the supervisor, all its life."""
        return FileLock(self.folder / "supervisor.lock")

    def supervisor_lives(self) -> bool:
        """Whether a supervisor runs, or is about to end. Leaves no file behind: it may be removing the folder."""
        try:
            probe = FileLock(self.folder / "supervisor.lock", create=False)
        except FileNotFoundError:
            return False
        try:
            return not probe.share()
        finally:
            probe.close()

    def secrets(self) -> Secrets:
        """The folder's secrets; made at the first call, which the starting lock must protect."""
        path = self.folder / "secrets.json"
        if not path.exists():
            made = Secrets(*(secrets.token_urlsafe(32) for _ in range(4)))
            _write_private(path, json.dumps(asdict(made), indent=1))
        return Secrets(**json.loads(path.read_text()))

    def running(self) -> Running | None:
        """The record of the running servers. Without the supervisor's lock being held it is one of a killed run."""
        try:
            return Running(**json.loads((self.folder / "running.json").read_text()))
        except FileNotFoundError:
            return None

    def supervisors_words(self) -> str:
        """The end of what the supervisor wrote."""
        try:
            return (self.folder / "supervisor.log").read_text(errors="replace")[-2000:]
        except FileNotFoundError:
            return ""

    def announce(self, running: Running) -> None:
        """Tell everyone that the servers take connections."""
        _write_private(self.folder / "running.json", json.dumps(asdict(running), indent=1))

    def withdraw(self) -> None:
        """Take the announcement back."""
        (self.folder / "running.json").unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.rename(path)
