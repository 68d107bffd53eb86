"""One private PostgreSQL: its data folder, its settings, its process."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded.binaries import postgres_folder
from config.embedded.confinement import Confinement
from config.embedded.errors import ServersUnavailable
from config.embedded.process import Process

OWNER = "bulwark_owner"
SERVICE = "bulwark_service"
DATABASE = "bulwark"
SCRATCH_PREFIX = "bulwark_scratch_"
# A unix socket's path has 107 bytes, and PostgreSQL adds the file's name to the folder's.
SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.65535.lock")
MEBIBYTE = 2**20


def settings_for_this_machine() -> dict[str, str]:
    """Server settings for a small machine that others use too: everything durable, memory by what is there."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE
    shared = max(32, min(512, memory // 8))
    shm = os.statvfs("/dev/shm") if Path("/dev/shm").is_dir() else None
    roomy = shm is not None and shm.f_bavail * shm.f_frsize >= 512 * MEBIBYTE
    return {
        "max_connections": "100",
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(64, memory // 2)}MB",
        # Settling sorts and hashes a million positions: with this they stay in memory.
        "work_mem": f"{max(4, min(64, memory // 64))}MB",
        "maintenance_work_mem": f"{max(16, min(512, memory // 16))}MB",
        # Bulk loads would otherwise force a checkpoint every gigabyte.
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        # The posting function is short: compiling its expressions costs more than running them.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
        # Containers often have 64 MB of shared memory files; a parallel hash fails there.
        "dynamic_shared_memory_type": "posix" if roomy else "mmap",
    }


# For tests: the data need not outlive the machine, so nothing waits for the disk.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "10min",
}


class Postgres:
    """The server of one state folder. `passwords` by role; `settings` go on top of the machine's."""

    def __init__(
        self, folder: Path, *, confinement: Confinement, passwords: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.confinement = confinement
        self.passwords = passwords
        self.settings = {**settings_for_this_machine(), **settings}
        self.socket_folder = folder / "socket"
        self._short_folder: tempfile.TemporaryDirectory[str] | None = None

    def create(self) -> None:
        """Make the data folder where there is none. A half-made one of a killed attempt is made anew.

        Errors: ServersUnavailable with initdb's own words.
        """
        if self.data.exists():
            return
        making = self.folder / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix="password-") as password:
            password.write(self.passwords[OWNER])
            password.flush()
            self.confinement.own(Path(password.name))
            # Byte order for comparisons, so that an index serves prefixes and the order is the same everywhere.
            command = [
                *(str(postgres_folder() / "initdb"), "-D", str(making), "-U", OWNER, "--pwfile", password.name),
                *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--auth=scram-sha-256", "--no-instructions"),
            ]
            if self.settings.get("fsync") == "off":
                command.append("--no-sync")
            log = self.folder.parent / "initdb.log"
            code = Process.start(command, log=log, confinement=self.confinement, death_signal=signal.SIGKILL).wait()
        if code != 0:
            raise ServersUnavailable(f"initdb ended with {code}:\n{log.read_text()[-2000:]}")
        making.rename(self.data)

    def start(self, port: int) -> Process:
        """Start the server as a foreground child; it takes connections a little later, see `wait_until_ready`."""
        self._clear_stale_lock()
        options = {
            **self.settings,
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._usable_socket_folder()),
            "unix_socket_permissions": "0700",
        }
        command = [str(postgres_folder() / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        return Process.start(
            command,
            log=self.folder.parent / "postgres.log",
            confinement=self.confinement,
            death_signal=signal.SIGINT,
        )

    def prepare(self, port: int) -> None:
        """Make the service's role and the database where they are missing, and drop scratch databases left over."""
        with self.connect(port, "postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [SERVICE]).fetchone()
            if known is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(SERVICE), sql.Literal(self.passwords[SERVICE])
                    )
                )
            names = {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in names:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
                connection.execute(
                    sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(SERVICE)
                    )
                )
            for name in sorted(names):
                if name.startswith(SCRATCH_PREFIX):
                    connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def connect(self, port: int, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection as the owner's role, over the unix socket, each statement on its own."""
        return psycopg.connect(
            host=str(self.socket_folder),
            port=port,
            user=OWNER,
            password=self.passwords[OWNER],
            dbname=database,
            autocommit=True,
        )

    def is_ready(self, port: int) -> bool:
        """Whether the server takes connections. While it recovers after a crash it refuses them."""
        if not (self.socket_folder / f".s.PGSQL.{port}").exists():
            return False
        try:
            self.connect(port, "postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServersUnavailable(f"{self.folder.parent} has another secrets.json than its data") from error
            return False
        return True

    def remove_short_folder(self) -> None:
        """Remove the socket's folder outside the state folder, where one was needed."""
        if self._short_folder is not None:
            self._short_folder.cleanup()

    def _usable_socket_folder(self) -> Path:
        if len(os.fsencode(self.socket_folder)) > SOCKET_FOLDER_BYTES and self._short_folder is None:
            self._short_folder = tempfile.TemporaryDirectory(prefix="bulwark-", dir="/tmp")
            self.socket_folder = Path(self._short_folder.name)
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        self.confinement.own(self.socket_folder)
        return self.socket_folder

    def _clear_stale_lock(self) -> None:
        """Wait for processes of an earlier server to end, then remove its lock file.

        PostgreSQL takes any process that has the number in the file for its predecessor, which in a container, where
        numbers are small, is a false alarm. All its processes stand in the data folder: none there, none running.
        """
        deadline = time.monotonic() + 60
        while _processes_standing_in(self.data):
            if time.monotonic() > deadline:
                raise ServersUnavailable(f"an earlier PostgreSQL still runs on {self.data}")
            time.sleep(0.02)
        (self.data / "postmaster.pid").unlink(missing_ok=True)


def _processes_standing_in(folder: Path) -> list[int]:
    standing = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(folder.resolve()):
                standing.append(int(entry.name))
        except OSError:  # ended meanwhile, or someone else's
            continue
    return standing
