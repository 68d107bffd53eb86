"""Lines of the log: JSON for machines, readable on a terminal, libraries in the same form."""

import json
import os
import pty
import subprocess
import sys

from tests.config.users import PROJECT

# One line of the service's own, one of a library's, an exception, one below the level.
SPEAK = """
import logging, logging.config, os, structlog
from config import logs
logging.config.dictConfig(logs.configured(level=os.environ.get("LEVEL", "INFO"), format=os.environ.get("FORMAT", "")))
ours = structlog.get_logger("bulwark.spoken")
ours.info("settled", cycle=7)
ours.debug("too much")
logging.getLogger("library").warning("%s of %s", 2, 3)
logging.getLogger("library").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("library").exception("failed")
"""


def spoken(**environment: str) -> str:
    """What such a process writes to a standard error that is no terminal."""
    done = subprocess.run(
        [sys.executable, "-c", SPEAK],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_each_event_is_one_line_of_json_with_level_time_and_logger() -> None:
    settled, warned, failed = (json.loads(line) for line in spoken().splitlines())

    assert {"event": "settled", "cycle": 7, "level": "info", "logger": "bulwark.spoken"}.items() <= settled.items()
    assert settled["timestamp"].endswith("Z")
    assert {"event": "2 of 3", "level": "warning", "logger": "library"}.items() <= warned.items()
    assert failed["event"] == "failed"
    assert "ZeroDivisionError" in failed["exception"]


def test_level_is_that_of_the_services_own_lines() -> None:
    assert [json.loads(line)["event"] for line in spoken(LEVEL="WARNING").splitlines()] == ["2 of 3", "failed"]
    assert "too much" in spoken(LEVEL="DEBUG")
    assert "chatter" not in spoken(LEVEL="DEBUG")


def test_text_may_be_asked_for() -> None:
    text = spoken(FORMAT="text")

    assert "settled" in text
    assert "{" not in text.splitlines()[0]


def test_terminal_gets_readable_lines_unless_json_is_asked_for() -> None:
    def on_a_terminal(**environment: str) -> str:
        reader, terminal = pty.openpty()
        command = [sys.executable, "-c", SPEAK]
        subprocess.run(command, cwd=PROJECT, env={**os.environ, **environment}, stderr=terminal, check=True)
        os.close(terminal)
        read = b""
        try:
            while more := os.read(reader, 1 << 16):
                read += more
        except OSError:
            # Linux's way to say that the other end is closed.
            pass
        os.close(reader)
        return read.decode()

    assert not on_a_terminal().startswith("{")
    assert on_a_terminal(FORMAT="json").startswith("{")
