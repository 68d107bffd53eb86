"""What the database refuses in the fund's tables, to the tables' owner too, and in a replica's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import product
from typing import Any

import psycopg
import pytest

from config.scratch import DatabaseUrls
from fund import cycles, inclusion, positions, settlement, snapshots, transfers
from fund.models import Allocation, Cycle, CyclePosition
from fund.rules import CYCLE_TRANSITIONS
from tests.builders import balances, moment
from tests.fund.builders import earn, lose, open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, settle

Owner = psycopg.Connection[tuple[Any, ...]]
APPEND_ONLY = {
    "fund_rulebookversion": "rulebook_append_only",
    "fund_allocation": "allocation_append_only",
    "fund_allocationtree": "allocation_tree_append_only",
    "fund_fundsnapshot": "snapshot_append_only",
}
# Columns that an update may try to change, by table.
COLUMN = {
    "fund_rulebookversion": "preset",
    "fund_allocation": "trader",
    "fund_allocationtree": "root",
    "fund_fundsnapshot": "balance",
}
SETTLED = (
    "status = 'settled', run = run + 1, rulebook_id = (SELECT min(id) FROM fund_rulebookversion), loss = 0,"
    " fund_paid = 0, treasury_paid = 0, to_allocate = 0, allocated = 0, levy_surplus = 0, residue = 0, carried = 0,"
    " participants = 0, settled_at = now()"
)


@pytest.fixture
def cycle(committed_db: DatabaseUrls) -> Cycle:
    """A settled cycle with allocations, in a venue that has one of everything."""
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION)
    assert inclusion.root_of(settle(cycle))
    snapshots.take(taken_at=moment())
    return cycle


@pytest.fixture(params=["origin", "replica"])
def owner(owner_connection: Owner, request: pytest.FixtureRequest) -> Owner:
    """The owner, as usual and in the role in which ordinary triggers and foreign keys are silent."""
    owner_connection.execute(f"SET session_replication_role = {request.param}".encode())
    return owner_connection


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    before = balances()
    with pytest.raises(psycopg.DatabaseError) as caught:
        yield
    assert caught.value.diag.constraint_name == name, str(caught.value)
    assert balances() == before


def run(owner: Owner, query: str, *arguments: object) -> None:
    owner.execute(query.encode(), arguments)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_what_was_published_allocated_or_recorded_stands(cycle: Cycle, owner: Owner, table: str, change: str) -> None:
    with refused_by(APPEND_ONLY[table]):
        run(owner, change.format(table, COLUMN[table]))


@pytest.mark.parametrize("table", [*APPEND_ONLY, "fund_cycleposition"])
def test_the_service_has_not_even_the_right_to_change_them(
    cycle: Cycle, committed_db: DatabaseUrls, table: str
) -> None:
    column = COLUMN.get(table, "profit")
    with (
        psycopg.connect(committed_db.service, autocommit=True) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        run(service, f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("change", ["DELETE FROM fund_cycle", "TRUNCATE fund_cycle CASCADE"])
def test_a_cycle_is_kept(cycle: Cycle, owner: Owner, change: str) -> None:
    with refused_by("cycle_kept"):
        run(owner, change)


def test_the_states_of_a_cycle_are_those_of_the_rules(cycle: Cycle, owner_connection: Owner) -> None:
    states = [*CYCLE_TRANSITIONS, "closed"]
    open_cycle(hours=(8, 16))
    ended = cycles.end(cycle_id=open_cycle(hours=(16, 24)).pk)
    nothing = settlement.settle_cycle(cycle_id=open_cycle(hours=(24, 32)).pk, settled_at=moment(10**6))
    in_state = {"open": 2, "ended": ended.number, "settled": nothing.number}

    for before, after in product(CYCLE_TRANSITIONS, states):
        if before == after:
            continue
        setting = SETTLED if after == "settled" else f"status = '{after}'"
        change = f"UPDATE fund_cycle SET {setting} WHERE number = {in_state[before]}"
        if after in CYCLE_TRANSITIONS[before]:
            with owner_connection.transaction(force_rollback=True):
                run(owner_connection, change)
        else:
            with refused_by("cycle_transition"):
                run(owner_connection, change)


def test_a_cycle_begins_open(cycle: Cycle, owner: Owner) -> None:
    with refused_by("cycle_transition"):
        run(
            owner,
            "INSERT INTO fund_cycle (fund_id, number, starts_at, ends_at, status, opened_at, run)"
            " VALUES (1, 9, now(), now() + interval '1 hour', 'ended', now(), 0)",
        )


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ("loss = loss + 1, carried = carried + 1", "cycle_settled_figures"),
        ("settled_at = now()", "cycle_settled_figures"),
        ("positions_count = 7", "cycle_settled_figures"),
        ("run = run + 1", "cycle_settled_figures"),
        ("ends_at = ends_at + interval '1 hour'", "cycle_identity"),
        ("number = 9", "cycle_identity"),
        ("status = 'ended', loss = NULL", "cycle_reversal_incomplete"),
        ("status = 'open'", "cycle_transition"),
    ],
)
def test_the_figures_of_a_settled_cycle_stand(cycle: Cycle, owner: Owner, change: str, guard: str) -> None:
    with refused_by(guard):
        run(owner, f"UPDATE fund_cycle SET {change}")


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        (SETTLED.replace("loss = 0,", ""), "cycle_figures_missing"),
        (SETTLED.replace("run + 1", "run + 2"), "cycle_run"),
        (SETTLED.replace("loss = 0,", "loss = 1,"), "cycle_parts_sum_to_loss"),
        ("run = 5", "cycle_run"),
    ],
)
def test_a_cycle_is_settled_with_figures_that_add_up(cycle: Cycle, owner: Owner, change: str, guard: str) -> None:
    ended = cycles.end(cycle_id=open_cycle(hours=(8, 16)).pk)

    with refused_by(guard):
        run(owner, f"UPDATE fund_cycle SET {change} WHERE number = {ended.number}")


ADD_POSITION = (
    "INSERT INTO fund_cycleposition (cycle_id, position, trader, contract, profit) VALUES (%s, 'late', 'ann', '', 1)"
)


def test_complete_positions_are_neither_added_to_nor_taken_from(cycle: Cycle, owner: Owner) -> None:
    with refused_by("positions_frozen"):
        run(owner, ADD_POSITION, cycle.pk)
    with refused_by("positions_frozen"):
        run(owner, "DELETE FROM fund_cycleposition WHERE position = 'p1'")
    with refused_by("position_fixed"):
        run(owner, "UPDATE fund_cycleposition SET profit = 0")
    with refused_by("position_fixed"):
        run(owner, "TRUNCATE fund_cycleposition")

    assert CyclePosition.objects.count() == len(ILLUSTRATION)


def test_positions_that_are_not_complete_are_not_edited_either(cycle: Cycle, owner: Owner) -> None:
    earn(open_cycle(hours=(8, 16)), "5", complete=False)

    with refused_by("position_fixed"):
        run(owner, "UPDATE fund_cycleposition SET profit = 6 WHERE profit = 5")


def test_a_position_belongs_to_a_cycle_that_exists(cycle: Cycle, owner: Owner) -> None:
    with refused_by("position_cycle_unknown"):
        run(owner, ADD_POSITION, cycle.pk + 99)


@pytest.mark.parametrize(("run_number", "other"), [(1, 0), (2, 0), (1, 99)])
def test_an_allocation_comes_with_its_settlement_alone(cycle: Cycle, owner: Owner, run_number: int, other: int) -> None:
    with refused_by("allocation_in_settlement"):
        run(
            owner,
            "INSERT INTO fund_allocation (cycle_id, run, rank, position, trader, profit, amount)"
            " VALUES (%s, %s, 99, 'x', 'x', 1, 1)",
            cycle.pk + other,
            run_number,
        )

    assert Allocation.objects.count() == 3


@pytest.mark.parametrize("amount", ["6", "-1"])
def test_no_allocation_is_above_its_profit_or_below_nothing(cycle: Cycle, owner: Owner, amount: str) -> None:
    ended = cycles.end(cycle_id=open_cycle(hours=(8, 16)).pk)

    with refused_by("allocation_within_profit"):
        run(
            owner,
            "INSERT INTO fund_allocation (cycle_id, run, rank, position, trader, profit, amount)"
            " VALUES (%s, 1, 1, 'x', 'x', 5, %s::numeric)",
            ended.pk,
            amount,
        )


@pytest.mark.parametrize(
    "change", ["amount = 1", "requested_by = 'x'", "status = 'pending'", "decided_by = 'x'", "entry_id = NULL"]
)
def test_a_transfer_that_is_done_stands(cycle: Cycle, owner: Owner, change: str) -> None:
    with refused_by("transfer_fixed"):
        run(owner, f"UPDATE fund_transfer SET {change}")
    with refused_by("transfer_kept"):
        run(owner, "DELETE FROM fund_transfer")


def test_a_withdrawal_is_never_done_by_one_person(cycle: Cycle, owner: Owner) -> None:
    transfers.request_withdrawal(
        reference="w1", fund_code="usdt", amount=Decimal(1), requested_by="ann", requested_at=moment()
    )

    with refused_by("transfer_two_people"):
        run(owner, "UPDATE fund_transfer SET status = 'done', decided_by = 'ann' WHERE reference = 'w1'")


def test_the_guards_leave_a_discarded_upload_alone(cycle: Cycle) -> None:
    other = open_cycle(hours=(8, 16))
    earn(other, "5", "6")

    assert positions.discard(cycle_id=other.pk) == 2
