"""Documents whose code blocks are run, in their order, as their reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.config.users import PROJECT

CLIENT_SOURCES = PROJECT / "clients" / "python" / "src"
SECONDS_TO_RUN = 240


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def printed(code: str) -> list[str]:
    """What the code says that it prints: `print(…)  # → this`."""
    return re.findall(r"# → (.*)$", code, re.MULTILINE)


def run_python(code: str, environment: Mapping[str, str]) -> list[str]:
    """The lines that the code prints, in a process that has the client and nothing else of the project."""
    return _run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(CLIENT_SOURCES)!r})\n{code}"], environment
    )


def run_shell(code: str, environment: Mapping[str, str]) -> list[str]:
    """The lines that the commands print, run in the project's folder; any that fails ends them."""
    return _run(["bash", "-euo", "pipefail", "-c", code], environment)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    ran = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_RUN,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()
