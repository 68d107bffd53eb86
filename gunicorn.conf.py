"""Read by gunicorn where it is started in the project's folder: what its processes count lies in one place."""

import gc
import os
import shutil
import tempfile
from typing import Any

from config import logs

# Set before the client of Prometheus is imported, here or in a worker: it decides then where it counts.
_OURS = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _OURS:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="bulwark-metrics-")

# It would lie in the home of whoever runs it, one for all servers of that user; signals do what it could.
control_socket_disable = True
logconfig_dict = logs.configured(level=os.environ.get("LOG_LEVEL", "INFO"), format=os.environ.get("LOG_FORMAT", ""))


def post_worker_init(worker: Any) -> None:
    # What is there once the service is loaded stays: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    if _OURS:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
