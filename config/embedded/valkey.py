"""One private Valkey, the broker and cache: in memory alone, on the loopback, behind a password."""

import signal
import socket
from pathlib import Path

from config.embedded.binaries import valkey_server
from config.embedded.confinement import Confinement
from config.embedded.process import Process

# The protocol's own words: no client library is needed to ask whether the server is there.
SECONDS_TO_ANSWER = 1.0


class Valkey:
    """The broker of one state folder. It keeps nothing on disk: a task carries an id, and beat sends it again."""

    def __init__(self, folder: Path, *, confinement: Confinement, password: str) -> None:
        self.folder = folder
        self.confinement = confinement
        self.password = password

    def start(self, port: int) -> Process:
        """Start the server as a foreground child."""
        # Read from the standard input, because the command line of a process is for everyone to see.
        configuration = "\n".join(
            [
                f"port {port}",
                "bind 127.0.0.1",
                f"requirepass {self.password}",
                'save ""',
                "appendonly no",
                "daemonize no",
                "databases 16",
            ]
        )
        return Process.start(
            [str(valkey_server()), "-"],
            log=self.folder / "valkey.log",
            confinement=self.confinement,
            death_signal=signal.SIGTERM,
            stdin=configuration + "\n",
        )

    def is_ready(self, port: int) -> bool:
        """Whether the server answers, with our password: another server on that port would refuse it."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_TO_ANSWER) as connection:
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False
