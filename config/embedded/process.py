"""A server's process: started in a session of its own, ended politely first."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.confinement import Confinement

# Nothing of the caller's: a PGPORT or a locale of the terminal would change what the servers do.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
SECONDS_TO_END = 60.0
SECONDS_TO_END_AT_ONCE = 5.0


@dataclass(frozen=True)
class Process:
    """A running child and where it writes."""

    popen: subprocess.Popen[bytes]
    log: Path
    death_signal: signal.Signals

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        log: Path,
        confinement: Confinement,
        death_signal: signal.Signals,
        stdin: str = "",
    ) -> "Process":
        """Start a child that gets `death_signal` when the calling thread ends; it must be the main one.

        The child gets a session of its own: Ctrl-C at the terminal reaches the command alone, which then ends its
        servers in order. The log of the run before is kept beside this one.
        """
        parent = os.getpid()
        with contextlib.suppress(FileNotFoundError):
            log.rename(log.with_suffix(".log.before"))
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: confinement.enter(parent=parent, death_signal=death_signal),
                env=ENVIRONMENT,
            )
        assert popen.stdin is not None
        with contextlib.suppress(BrokenPipeError), popen.stdin as pipe:
            pipe.write(stdin.encode())
        return cls(popen, log, death_signal)

    def has_ended(self) -> bool:
        """Whether the process is over."""
        return self.popen.poll() is not None

    def wait(self) -> int:
        """Wait for the process to end by itself. Returns its exit code."""
        return self.popen.wait()

    def ask_to_end(self) -> None:
        """Send the signal on which the server ends in order."""
        if not self.has_ended():
            self.popen.send_signal(self.death_signal)

    def end(self) -> None:
        """End the process: in order, or after a minute at once, which a database recovers from at its next start."""
        self.ask_to_end()
        for patience, next_signal in (
            (SECONDS_TO_END, signal.SIGQUIT),
            (SECONDS_TO_END_AT_ONCE, signal.SIGKILL),
        ):
            try:
                self.popen.wait(patience)
                return
            except subprocess.TimeoutExpired:
                self.popen.send_signal(next_signal)
        self.popen.wait()

    def last_words(self) -> str:
        """The end of what the process wrote."""
        return self.log.read_text(errors="replace")[-2000:]
