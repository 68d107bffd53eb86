"""What `verify` finds of takeovers, fills and losses that were changed behind the service's back, guards off."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ledger.integrity import verify
from tests.liquidation.venue import fill, open_cycle, open_venue, take_over, unfilled

Owner = psycopg.Connection[tuple[object, ...]]
TABLES = (
    "liquidation_takeover",
    "liquidation_fill",
    "fund_shortfall",
    "fund_surplus",
    "fund_inventorymovement",
    "ledger_entry",
)

# Which check finds it, what the finding names, and what somebody did.
CHANGES = [
    (
        "engine_share",
        "takeover t3: expected",
        "UPDATE liquidation_takeover SET leftover = 0 WHERE reference = 't3'",
    ),
    ("engine_share", "takeover ghost", "UPDATE ledger_entry SET source_id = 'ghost' WHERE reference = 'fill:f3'"),
    ("takeover_fills", "takeover t3, costs", "UPDATE liquidation_takeover SET costs = 2 WHERE reference = 't3'"),
    (
        "takeover_fills",
        "takeover t3, filled quantity",
        "UPDATE liquidation_takeover SET remaining = 2 WHERE reference = 't3'",
    ),
    ("fill_entry", "fill f1", "UPDATE liquidation_fill SET result = result + 1 WHERE reference = 'f1'"),
    (
        "takeover_layers",
        "takeover t0, paid",
        "UPDATE liquidation_takeover SET paid = paid - 1, carried = carried + 1 WHERE reference = 't0'",
    ),
    (
        "takeover_layers",
        "takeover t1, surplus",
        "UPDATE fund_surplus SET reversed_by_id = entry_id WHERE source_id = 't1'",
    ),
    (
        "shortfall_entry",
        "loss of takeover t2, fund",
        "UPDATE fund_shortfall SET fund_paid = fund_paid + 1, carried = carried - 1 WHERE source_id = 't2'",
    ),
    (
        "fund_suspense",
        "account loss:usdt",
        "UPDATE fund_shortfall SET to_allocate = 0, treasury_paid = to_allocate WHERE source_id = 't2'",
    ),
    (
        "fund_suspense",
        "account fund:usdt:reserved",
        "UPDATE liquidation_takeover SET compensation = compensation + 1 WHERE reference = 't3'",
    ),
    ("fund_deficit", "account deficit:usdt", "UPDATE fund_surplus SET repaid = repaid + 1 WHERE source_id = 't1'"),
    ("inventory_position", "inventory usdt X-PERP", "UPDATE fund_inventoryposition SET quantity = quantity + 1"),
]


@pytest.fixture
def _venue(committed_db: object) -> None:
    open_venue(
        "pre_close_compensation",
        contribution="40",
        precompensation={"per_takeover_cap": "5"},
        traders_share="0.3",
        fund_share="0.5",
        inventory={"max_notional_share": "100"},
        takeover_valuation="mark",
    )
    open_cycle()
    take_over("t5", mark="99")
    unfilled("t5")
    for number, price in enumerate(("90", "104", "80", "101")):
        take_over(f"t{number}", margin="7", mark="99")
        fill(f"f{number}", takeover=f"t{number}", price=price, quantity="7", fee="1")
    for number in range(3):
        fill(f"g{number}", takeover=f"t{number}", price="98", quantity="3")


@contextmanager
def guards_off(owner: Owner) -> Iterator[Owner]:
    for table in TABLES:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    try:
        yield owner
    finally:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())


def found() -> dict[str, list[str]]:
    by_code: dict[str, list[str]] = {}
    for each in verify().findings:
        by_code.setdefault(each.code, []).append(str(each))
    return by_code


@pytest.mark.usefixtures("_venue")
def test_an_untouched_venue_is_clean_and_every_row_was_looked_at() -> None:
    verification = verify()

    assert verification.findings == ()
    checked = {check.name: check.checked for check in verification.checks}
    assert (checked["takeovers"], checked["fills"], checked["losses"]) == (5, 8, 3)


@pytest.mark.usefixtures("_venue")
def test_every_change_is_found_and_named(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        for _, _, change in CHANGES:
            owner.execute(change.encode())

    findings = found()

    for code, named, _ in CHANGES:
        assert any(named in finding for finding in findings[code]), (code, named, findings)
