"""`manage.py demo`, whole: real server, real calls, the figures that it prints, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from config.embedded.locks import FileLock
from config.scratch import DatabaseUrls
from fund.models import Cycle
from ledger.integrity import verify
from ledger.models import Account
from liquidation.demo.cascade import Cascade, cascade
from liquidation.demo.report import amount
from tests.builders import balances, move, post
from tests.config.users import PROJECT, wait_until

TAKEOVERS, POSITIONS = 80, 600


class Demo:
    """The command, on a database of the test's own; its processes are known by a mark in their environment."""

    def __init__(self, urls: DatabaseUrls, state: Path) -> None:
        self.mark = uuid.uuid4().hex
        broker = urlsplit(os.environ["REDIS_URL"])
        self.environment = {
            **os.environ,
            **urls.environment(),
            # Away from the tasks of other tests.
            "REDIS_URL": urlunsplit(broker._replace(path="/15")),
            "BULWARK_STATE": str(state),
            "PORT": "",
            "DEMO_TEST_MARK": self.mark,
        }

    def start(self, *options: str) -> subprocess.Popen[str]:
        numbers = ("--takeovers", str(TAKEOVERS), "--positions", str(POSITIONS))
        return subprocess.Popen(
            [sys.executable, "manage.py", "demo", *numbers, *options],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def play(self) -> str:
        """Play a day to its report. Returns what it printed."""
        with self.start("--once") as process:
            output, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        wait_until(lambda: self.processes() == [])
        return output

    def processes(self) -> list[str]:
        """Command lines of the demo's processes that still run."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and self.mark.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture
def demo(committed_db: DatabaseUrls, tmp_path: Path) -> Iterator[Demo]:
    played = Demo(committed_db, tmp_path)
    yield played
    wait_until(lambda: played.processes() == [])


@pytest.fixture(scope="module")
def day() -> Cascade:
    return cascade(takeovers=TAKEOVERS, positions=POSITIONS)


def figure(output: str, name: str) -> str:
    """The amount that stands in the row of this name."""
    found = re.search(rf"^ *{re.escape(name)}.*? (-?[0-9,]+\.[0-9]{{6}})", output, re.MULTILINE)
    assert found, f"no row {name!r} in\n{output}"
    return found[1]


def test_the_report_shows_what_happened_and_the_second_day_finds_the_books_of_the_first(
    demo: Demo, day: Cascade
) -> None:
    loss = -sum((row.result for row in day.takeovers if row.result < 0), Decimal(0))
    injected = sum((row.result for row in day.takeovers if row.result > 0), Decimal(0)) + 200

    output = demo.play()

    assert max(map(len, output.splitlines())) <= 100
    assert figure(output, "Loss = the sum of its parts") == amount(loss)
    assert figure(output, "+ gross injections") == amount(injected)
    assert figure(output, "Injected into the fund") == "200.000000"
    closing = Account.objects.get(code="fund:usdt").balance
    assert figure(output, "Closing") == amount(closing)
    first = Cycle.objects.get()
    assert (first.status, first.loss, first.positions_count) == ("settled", loss, POSITIONS)
    assert f"{first.participants} most profitable positions" in output
    assert "The books are clean." in output

    output = demo.play()

    assert "as day 2" in output
    assert figure(output, "Opening") == amount(closing)
    assert figure(output, "Loss = the sum of its parts") == amount(loss)
    assert Cycle.objects.filter(status="settled", loss=loss).count() == 2
    assert verify().clean


def test_a_day_that_was_interrupted_is_played_to_its_end_and_nothing_of_it_twice(demo: Demo, day: Cascade) -> None:
    with demo.start("--once") as process:
        assert process.stdout is not None
        assert "Day 1" in process.stdout.readline()
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert demo.processes() == []

    output = demo.play()

    assert "Day 1 was interrupted" in output
    loss = -sum((row.result for row in day.takeovers if row.result < 0), Decimal(0))
    assert figure(output, "Loss = the sum of its parts") == amount(loss)
    assert Cycle.objects.get().loss == loss


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_stays_with_a_login_until_it_is_asked_to_end_and_leaves_no_process(
    demo: Demo, ending: signal.Signals
) -> None:
    with demo.start() as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("Key") and "auditor" in line:
                break
        address = re.search(r"http://127\.0\.0\.1:\d+/admin/", printed)
        assert address, printed
        assert re.search(r"Login +admin / \w{12}", printed)
        with urllib.request.urlopen(address[0], timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(ending)
        process.communicate(timeout=60)
    if ending == signal.SIGKILL:
        # Nobody is left to end the others: they notice.
        wait_until(lambda: demo.processes() == [])
    else:
        assert process.returncode == 0
        assert demo.processes() == []


def test_books_on_which_a_scheduler_works_are_left_alone(demo: Demo, tmp_path: Path) -> None:
    scheduler = FileLock(tmp_path / "scheduler.lock")
    assert scheduler.take()

    with demo.start("--once") as process:
        _, errors = process.communicate(timeout=60)

    scheduler.close()
    assert process.returncode == 1
    assert f"works on the books in {tmp_path}" in errors
    assert balances() == {}


def test_books_that_no_demo_has_begun_are_left_alone(demo: Demo) -> None:
    post(move("d1", "100", debited="custody:USDT", credited="trader:ann:USDT"))
    before = balances()

    with demo.start("--once") as process:
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "these books hold entries that no demo has made" in errors
    assert balances() == before
