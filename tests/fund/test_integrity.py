"""What `verify` finds of settlements and funds that were changed behind the service's back, guards off."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import psycopg
import pytest

from fund import transfers
from ledger.integrity import verify
from tests.builders import moment
from tests.fund.builders import earn, lose, open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, reverse, settle

Owner = psycopg.Connection[tuple[object, ...]]
TABLES = (
    "fund_cycle",
    "fund_cycleposition",
    "fund_allocation",
    "fund_transfer",
    "fund_rulebookversion",
    "fund_shortfall",
    "ledger_entry",
)

# Which check finds it, what the finding names, and what somebody did.
CHANGES = [
    (
        "settlement_posted",
        "cycle usdt:1, allocated: expected 760, found 761",
        "UPDATE fund_cycle SET allocated = allocated + 1, carried = carried - 1 WHERE number = 1",
    ),
    (
        "settlement_posted",
        "cycle usdt:2, loss: expected 1001, found 1000",
        "UPDATE fund_shortfall SET loss = loss + 1, carried = carried + 1 WHERE source_id = 't2'",
    ),
    (
        "settlement_posted",
        "cycle usdt:3, to allocate, posted",
        "UPDATE ledger_entry SET source_id = 'usdt:9' WHERE source_id = 'usdt:3'",
    ),
    (
        "settlement_posted",
        "cycle usdt:9, allocated: expected 760, found 0",
        "SELECT 1",
    ),
    (
        "settlement_participants",
        "cycle usdt:1, participants",
        "UPDATE fund_cycle SET participants = 4 WHERE number = 1",
    ),
    (
        "settlement_participants",
        "cycle usdt:2, haircut above the cap",
        "UPDATE fund_rulebookversion SET fields = jsonb_set(fields, '{allocation_cap}', '\"0.79\"')",
    ),
    (
        "allocation_posted",
        "entry cycle:usdt:2:1:1, trader t2, amount: expected 240, found 241",
        "UPDATE fund_allocation SET amount = 241 WHERE amount = 240 AND cycle_id = {cycle 2}",
    ),
    (
        "allocation_posted",
        "entry cycle:usdt:4:1:1, trader t3, amount: expected 120, found 0",
        "DELETE FROM fund_allocation WHERE amount = 120 AND cycle_id = {cycle 4}",
    ),
    (
        "positions_complete",
        "cycle usdt:1, their profit: expected 931, found 930",
        "UPDATE fund_cycleposition SET profit = 501 WHERE profit = 500 AND cycle_id = {cycle 1}",
    ),
    ("fund_totals", "fund usdt, gross payouts", "UPDATE fund_fund SET gross_payouts = gross_payouts + 1"),
    ("fund_totals", "fund usdt, gross injections", "UPDATE fund_fund SET gross_injections = 1"),
    ("transfer_posted", "contribution usdt-seed", "UPDATE fund_transfer SET amount = 1 WHERE reference = 'usdt-seed'"),
    ("transfer_posted", "withdrawal w1", "UPDATE fund_transfer SET status = 'done', decided_by = 'b'"),
    ("rulebook_versions", "rulebook usdt v3", "UPDATE fund_rulebookversion SET version = 3"),
    (
        "rulebook_readable",
        "rulebook usdt v3 (shared_loss)",
        'UPDATE fund_rulebookversion SET fields = fields || \'{"fund_share": "7"}\'',
    ),
]


@pytest.fixture
def _venue(committed_db: object) -> None:
    open_fund(contribution="50000")
    for number in range(1, 5):
        cycle = open_cycle(hours=(number, number + 1))
        lose("1000", reference=f"t{number}", at=cycle.starts_at)
        earn(cycle, *ILLUSTRATION)
        settle(cycle)
    reverse(cycle)
    transfers.request_withdrawal(
        reference="w1", fund_code="usdt", amount=Decimal(5), requested_by="a", requested_at=moment()
    )


@contextmanager
def guards_off(owner: Owner) -> Iterator[Owner]:
    for table in TABLES:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    try:
        yield owner
    finally:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())


@pytest.mark.usefixtures("_venue")
def test_an_untouched_venue_is_clean_and_every_row_was_looked_at() -> None:
    verification = verify()

    assert verification.findings == ()
    checked = {check.name: check.checked for check in verification.checks}
    assert (checked["funds"], checked["settlements"], checked["allocations"]) == (1, 4, 12)


@pytest.mark.usefixtures("_venue")
def test_every_change_is_found_and_named(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        for _, _, change in CHANGES:
            named = re.sub(r"\{cycle (\d)\}", r"(SELECT id FROM fund_cycle WHERE number = \1)", change)
            owner.execute(named.encode())

    findings: dict[str, list[str]] = {}
    for each in verify().findings:
        findings.setdefault(each.code, []).append(str(each))

    for code, named, _ in CHANGES:
        assert any(named in finding for finding in findings[code]), (code, named, findings)
