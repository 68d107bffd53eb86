"""Long lists, paged through while others write: what was there at the start is on exactly one page.

Ids are given when a row is written, not when it is committed: rows of smaller ids may appear after larger ones, behind
the reader and before it. Writers here hold their rows back on purpose.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from config.scratch import DatabaseUrls
from fund import open_positions, positions, settlement
from fund.open_positions import PositionRow
from fund.positions import PositionProfit
from ledger.posting import post
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from liquidation.fills import FillReport, report_fills
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import START, move, open_accounts
from tests.fund.builders import open_cycle, open_fund
from tests.rest.api import V1, client
from tests.rest.api import post as post_over_rest
from tests.rest.takeovers import contract

# `make contract` walks through 100,000.
ROWS = int(os.environ.get("WALK_ROWS", "10000"))
AT_ONCE = 5_000


def reported(reference: str) -> TakeoverReport:
    return TakeoverReport(
        reference=reference,
        contract="BTC-PERP",
        trader="ann",
        side="long",
        quantity=Decimal(1_000_000),
        bankruptcy_price=Decimal(28000),
        margin=Decimal(1),
        taken_over_at=START,
    )


def filled(reference: str) -> FillReport:
    return FillReport(reference=reference, takeover="t0", price=Decimal(28001), quantity=Decimal(1), filled_at=START)


def in_batches(work: Callable[[range], object]) -> None:
    for first in range(0, ROWS, AT_ONCE):
        work(range(first, min(first + AT_ONCE, ROWS)))


@pytest.fixture
def auditor(committed_db: DatabaseUrls) -> APIClient:
    """Of a venue with a fund and two takeovers."""
    open_fund("shared_loss", contribution="1000")
    post_over_rest(client(Role.ENGINE), "/contracts/", contract())
    report_takeovers([reported("t0"), reported("t1")], recorded_at=START)
    _, secret = create_key(name="auditor", role=Role.AUDITOR, created_at=timezone.now())
    # The plain client: to hold every page of a thousand rows to the schema would take longer than to read it.
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return reader


@contextmanager
def writers(write: Callable[[str], object]) -> Iterator[list[str]]:
    """Others who write while the block runs: one row after the other, each second one committed after the next."""
    done, written = Event(), list[str]()

    def run() -> None:
        number = 0
        while not done.is_set():
            early, late = f"w{number}", f"w{number + 1}"
            number += 2
            with transaction.atomic():
                write(early)
                other = Thread(target=alone, args=(late,))
                other.start()
                # What waits for a lock of ours ends after us; what needs none commits first.
                other.join(0.05)
            other.join()
            written.extend([early, late])
        connection.close()

    def alone(reference: str) -> None:
        write(reference)
        connection.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield written
    finally:
        done.set()
        thread.join()


def walked(by: APIClient, path: str, name: str) -> list[str]:
    """The names of all rows, page after page of a thousand."""
    found: list[str] = []
    response = by.get(V1 + path, {"limit": 1000})
    while True:
        assert response.status_code == 200, response.content
        page = json.loads(response.content)
        found += [row[name] for row in page["results"]]
        if page["next"] is None:
            return found
        response = by.get(page["next"])


def check_walk(found: list[str], expected: Iterator[str]) -> None:
    assert len(found) == len(set(found)), "no row twice"
    missing = set(expected) - set(found)
    assert not missing, f"{len(missing)} lost"


def numbered(prefix: str) -> Iterator[str]:
    return (f"{prefix}{number}" for number in range(ROWS))


def test_takeovers_and_the_entries_and_statements_they_make(auditor: APIClient) -> None:
    in_batches(lambda numbers: report_takeovers([reported(f"t{n}") for n in numbers], recorded_at=START))

    def write(reference: str) -> None:
        report_takeovers([reported(reference)], recorded_at=START)

    with writers(write) as written:
        check_walk(walked(auditor, "/takeovers/", "reference"), numbered("t"))
        for path in ("/entries/", "/accounts/trader:ann:USDT/statement/", "/traders/ann/statement/"):
            check_walk(walked(auditor, path, "reference"), numbered("takeover:t"))
        assert written, "somebody wrote meanwhile"


def test_fills_of_one_takeover(auditor: APIClient) -> None:
    in_batches(lambda numbers: report_fills([filled(f"f{n}") for n in numbers], recorded_at=START))

    with writers(lambda reference: report_fills([filled(reference)], recorded_at=START)) as written:
        check_walk(walked(auditor, "/takeovers/t0/fills/", "reference"), numbered("f"))
        assert written


def test_profits_and_allocations_of_a_cycle(auditor: APIClient) -> None:
    cycle = open_cycle(1)
    loss = FillReport(reference="loss", takeover="t1", pnl=Decimal(-1000), quantity=Decimal(1_000_000), filled_at=START)
    report_fills([loss], recorded_at=START)
    rows = (PositionProfit(position=f"p{n}", trader=f"a{n % 100}", profit=Decimal(1)) for n in range(ROWS))
    positions.add(cycle_id=cycle.pk, rows=list(rows))
    positions.complete(cycle_id=cycle.pk, count=ROWS, total=None, completed_at=START)
    settlement.settle_cycle(cycle_id=cycle.pk, settled_at=timezone.now())

    with writers(lambda reference: report_takeovers([reported(reference)], recorded_at=START)):
        check_walk(walked(auditor, f"/cycles/{cycle.pk}/allocations/", "position"), numbered("p"))
        check_walk(walked(auditor, f"/cycles/{cycle.pk}/positions/", "position"), numbered("p"))


def test_open_positions_that_are_sent_again_meanwhile(auditor: APIClient) -> None:
    def send(_: str = "") -> None:
        rows = (
            PositionRow(
                position=f"q{n}",
                trader="bob",
                contract="BTC-PERP",
                side="short",
                quantity=Decimal(1),
                entry_price=Decimal(2),
                mark_price=Decimal(1),
            )
            for n in range(ROWS)
        )
        open_positions.replace_positions(fund_code="usdt", rows=rows)

    send()
    with writers(send) as written:
        while not written:
            check_walk(walked(auditor, "/funds/usdt/positions/", "position"), numbered("q"))


def test_entry_that_is_committed_after_a_later_one_makes_the_reader_lose_none(auditor: APIClient) -> None:
    open_accounts("custody:USDT")
    held, committed = Event(), Event()

    def hold() -> None:
        # It takes its id now, and is seen once the reader is behind it.
        with transaction.atomic():
            post([move("held", "1", debited="custody:USDT", credited="trader:bob:USDT")])
            held.set()
            committed.wait(60)
        connection.close()

    open_accounts("trader:bob:USDT", "trader:sue:USDT", "treasury:USDT")
    holder = Thread(target=hold)
    holder.start()
    held.wait(60)
    post([move("later", "1", debited="treasury:USDT", credited="trader:sue:USDT", kind="gift")])

    first = json.loads(auditor.get(V1 + "/entries/", {"limit": 1}).content)
    committed.set()
    holder.join()
    second = json.loads(auditor.get(first["next"]).content)

    assert [row["reference"] for row in first["results"] + second["results"]] == ["later", "held"]
