"""One client of the posting benchmark, in a process of its own: waits for the gate, posts, prints its times.

`python -m benchmarks.posting_client batches|singles AMOUNT GATE NAME`: AMOUNT calls of 8,000 postings, or AMOUNT
seconds of single entries. Prints `ready`, then the whole time and the time of each call, in seconds.
"""

import os
import sys
import time
from pathlib import Path

import django


def main(role: str, amount: int, gate: Path, name: str) -> None:
    django.setup()
    from benchmarks.posting import ENTRIES_PER_BATCH, batch
    from ledger.posting import post

    name = f"{name}:{os.getpid()}"
    # Connected, with plans and prepared statement warm, as a running service is.
    for number in range(8):
        post(batch(f"{name}:warm{number}", 1 if role == "singles" else 60))  # type: ignore[arg-type]
    if role == "batches":
        prepared = [batch(f"{name}:{number}", ENTRIES_PER_BATCH) for number in range(amount)]
    else:
        prepared = [batch(f"{name}:{number}", 1) for number in range(amount * 4_000)]
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.001)

    times = []
    started = time.perf_counter()
    deadline = started + amount if role == "singles" else float("inf")
    for entries in prepared:
        before = time.perf_counter()
        if before >= deadline:
            break
        post(entries)  # type: ignore[arg-type]
        times.append(time.perf_counter() - before)
    print(time.perf_counter() - started, *times)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
