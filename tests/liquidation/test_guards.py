"""What the database holds of takeovers, fills and corrections, whoever writes and with which rights."""

from itertools import product
from typing import Any

import psycopg
import pytest

from liquidation.corrections import reverse_fill
from liquidation.models import Takeover
from liquidation.rules import TAKEOVER_TRANSITIONS, can_move
from tests.builders import moment
from tests.liquidation.venue import deleverage, fill, open_venue, take_over, unfilled

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def owner(committed_db: object, owner_connection: Owner) -> Owner:
    """The tables' owner, in a venue with an open, a closed and a reversed takeover."""
    open_venue(adl={"trigger": "unfilled"})
    for reference in ("open", "closed"):
        take_over(reference)
    fill("f-open", takeover="open", price="101", quantity="4")
    fill("f-closed", takeover="closed", price="101")
    unfilled("open")
    deleverage("a1", "open", ("sue", "1", "110"))
    take_over("reversed")
    owner_connection.execute("UPDATE liquidation_takeover SET status = 'reversed' WHERE reference = 'reversed'")
    fill("f-wrong", takeover="open", price="90", quantity="1")
    reverse_fill("f-wrong", reference="r1", effective_at=moment(9))
    return owner_connection


def refused_by(owner: Owner, statement: str) -> str | None:
    """The guard that refuses the statement, also where replication has switched ordinary triggers off."""
    names: set[str | None] = set()
    for role in ("origin", "replica"):
        owner.execute(f"SET session_replication_role = {role}".encode())
        try:
            with owner.transaction(force_rollback=True):
                owner.execute(statement.encode())
            names.add(None)
        except psycopg.Error as error:
            names.add(error.diag.constraint_name)
    owner.execute("SET session_replication_role = origin")
    (name,) = names
    return name


def test_states_follow_the_table_of_the_rules(owner: Owner) -> None:
    whole = {
        "open": "status = 'open', result = NULL, remaining = 1",
        "closed": "status = 'closed', remaining = 0, result = 0, penalty = 0, injected = 0, to_vault = 0,"
        " to_trader = 0, to_fees = 0, paid = 0, treasury_paid = 0, to_allocate = 0, carried = 0, closes = closes + 1",
        "reversed": "status = 'reversed', result = NULL",
    }
    for before, after in product(TAKEOVER_TRANSITIONS, TAKEOVER_TRANSITIONS):
        if before != after:
            statement = f"UPDATE liquidation_takeover SET {whole[after]} WHERE reference = '{before}'"
            expected = None if can_move(before, after) else "takeover_transition"
            assert refused_by(owner, statement) == expected, f"{before} to {after}"
    assert set(TAKEOVER_TRANSITIONS) == set(Takeover.Status.values)


STATEMENTS = [
    ("takeover_identity", "UPDATE liquidation_takeover SET quantity = 11 WHERE reference = 'open'"),
    ("takeover_identity", "UPDATE liquidation_takeover SET bankruptcy_price = 1 WHERE reference = 'closed'"),
    ("takeover_identity", "UPDATE liquidation_takeover SET trader = 'bob'"),
    ("takeover_figures", "UPDATE liquidation_takeover SET injected = 9, penalty = 1 WHERE reference = 'closed'"),
    ("takeover_figures", "UPDATE liquidation_takeover SET closed_at = now() WHERE reference = 'closed'"),
    ("takeover_figures", "UPDATE liquidation_takeover SET remaining = 3 WHERE reference = 'reversed'"),
    ("takeover_closes", "UPDATE liquidation_takeover SET closes = 2 WHERE reference = 'open'"),
    ("takeover_kept", "DELETE FROM liquidation_takeover WHERE reference = 'nope'"),
    ("takeover_kept", "TRUNCATE liquidation_takeover CASCADE"),
    ("fill_append_only", "UPDATE liquidation_fill SET price = 1 WHERE reference = 'f-open'"),
    ("fill_append_only", "UPDATE liquidation_fill SET quantity = 1 WHERE reference = 'f-open'"),
    ("fill_append_only", "UPDATE liquidation_fill SET reversed_at = NULL WHERE reference = 'f-wrong'"),
    ("fill_append_only", "UPDATE liquidation_fill SET reversed_at = now() WHERE reference = 'f-wrong'"),
    ("fill_append_only", "DELETE FROM liquidation_fill"),
    ("contract_fixed", "UPDATE liquidation_contract SET multiplier = 2"),
    ("contract_fixed", "DELETE FROM liquidation_contract"),
    ("deleveraging_append_only", "UPDATE liquidation_deleveraging SET price = 1"),
    (
        "deleveraging_answered",
        """INSERT INTO liquidation_deleveraging
                  (reference, takeover_id, answered_id, price, quantity, queue, occurred_at, recorded_at)
           SELECT 'a9', t.id, q.id, 1, 1, '{}', now(), now()
             FROM liquidation_takeover t, liquidation_answeredqueue q WHERE t.reference = 'closed'""",
    ),
    ("answered_queue_append_only", "UPDATE liquidation_answeredqueue SET mark_price = 1"),
    ("answered_queue_append_only", "DELETE FROM liquidation_answeredqueue"),
    ("counterparty_append_only", "UPDATE liquidation_counterpartyfill SET realised = 1"),
    ("correction_append_only", "DELETE FROM liquidation_correction"),
    ("surplus_fixed", "UPDATE fund_surplus SET injected = 0, to_fees = 10"),
    ("surplus_fixed", "DELETE FROM fund_surplus"),
]


def test_what_was_booked_stands(owner: Owner) -> None:
    for guard, statement in STATEMENTS:
        assert refused_by(owner, statement) == guard, statement


def test_a_loss_finds_its_cycle_once_and_keeps_its_parts(owner: Owner) -> None:
    take_over("t1")
    fill("f1", takeover="t1", price="99")
    open_cycle = "INSERT INTO fund_cycle (fund_id, number, starts_at, ends_at, status, opened_at, run)"
    for number in (1, 2):
        owner.execute(
            f"{open_cycle} SELECT id, {number}, now(), now() + '1 h', 'open', now(), 0 FROM fund_fund".encode()
        )
    cycle = "(SELECT id FROM fund_cycle WHERE number = {})"
    owner.execute(f"UPDATE fund_shortfall SET cycle_id = {cycle.format(1)}".encode())

    assert refused_by(owner, f"UPDATE fund_shortfall SET cycle_id = {cycle.format(2)}") == "shortfall_fixed"
    assert refused_by(owner, "UPDATE fund_shortfall SET fund_paid = 9, carried = 1") == "shortfall_fixed"
    assert refused_by(owner, "TRUNCATE fund_shortfall CASCADE") == "shortfall_fixed"


def test_a_takeover_begins_open(owner: Owner) -> None:
    columns = (
        "reference, contract_id, rulebook_id, trader, side, quantity, bankruptcy_price, margin, taken_over_at,"
        " recorded_at, running_result, notional, costs, compensation, adl_averted, leftover, adl_seed, closes"
    )
    begun: dict[str, Any] = {"status": "'open'", "remaining": "quantity"}
    for changed in ({"remaining": "1"}, {"status": "'reversed'"}):
        values = {**begun, **changed}
        statement = (
            f"INSERT INTO liquidation_takeover ({columns}, {', '.join(values)})"
            f" SELECT 'new', {columns.partition(', ')[2].replace('running_result', '0').replace('closes', '0')},"
            f" {', '.join(values.values())} FROM liquidation_takeover WHERE reference = 'open'"
        )
        assert refused_by(owner, statement) == "takeover_beginning"


def test_the_service_may_not_even_try(committed_db: Any) -> None:
    with psycopg.connect(committed_db.service, autocommit=True) as service:
        for statement in (
            b"DELETE FROM liquidation_takeover",
            b"DELETE FROM liquidation_fill",
            b"UPDATE liquidation_contract SET tick = NULL",
            b"UPDATE liquidation_correction SET description = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(statement)
