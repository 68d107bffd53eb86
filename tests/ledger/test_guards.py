"""What the database refuses to whoever passes the posting door by: the owner, the service, a replica's role."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest

from config.scratch import DatabaseUrls
from tests.builders import balances, move, open_accounts, open_currency, post

CUSTODY, ANN, FUND, BTC = "custody:USDT", "trader:ann:USDT", "fund:usdt", "trader:ann:BTC"

Owner = psycopg.Connection[tuple[Any, ...]]
# Account, debit, credit; and where a guard is to be tried, a version or balance other than the right one.
Written = tuple[str, str, str] | tuple[str, str, str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _book(committed_db: DatabaseUrls) -> None:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN),
        move("c1", "40", debited=CUSTODY, credited=FUND, kind="fund_contribution"),
    )
    open_currency("BTC")
    open_accounts("custody:BTC", BTC, currency="BTC")


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    """The database refuses by the guard of this name, and no balance moves."""
    before = balances()
    with pytest.raises(psycopg.DatabaseError) as caught:
        yield
    assert caught.value.diag.constraint_name == name, str(caught.value)
    assert balances() == before


def write(owner: Owner, reference: str, written: Sequence[Written], *, lines: int | None = None) -> None:
    """Write an entry with its postings past the door, the accounts kept in step, as a careful forger would."""
    with owner.transaction():
        row = owner.execute(
            "INSERT INTO ledger_entry (reference, kind, source_kind, source_id, lines, effective_at, created_at,"
            " description, recorded_by) VALUES (%s, 'forged', '', '', %s, now(), now(), '', '') RETURNING id",
            [reference, lines or len(written)],
        ).fetchone()
        assert row is not None
        write_postings(owner, row[0], written)


def write_postings(owner: Owner, entry_id: int, written: Sequence[Written], *, first_line: int = 1) -> None:
    rows: list[tuple[Any, ...]] = []
    for line, (code, debit, credit, *other) in enumerate(written, first_line):
        account = owner.execute(
            "UPDATE ledger_account SET debits = debits + %s::numeric, credits = credits + %s::numeric,"
            " version = version + 1 WHERE code = %s RETURNING id, balance, version",
            [debit, credit, code],
        ).fetchone()
        assert account is not None
        values: dict[str, Any] = {
            "id": entry_id * 10_000 + line,
            "account_id": account[0],
            "balance_after": account[1],
            "version": account[2],
        } | (other[0] if other else {})
        rows.append(
            (values["id"], entry_id, values["account_id"], debit, credit, values["balance_after"], values["version"])
        )
    placeholders = ", ".join(["(%s, %s, %s, %s::numeric, %s::numeric, %s, %s)"] * len(rows))
    owner.execute(
        "INSERT INTO ledger_posting (id, entry_id, account_id, debit, credit, balance_after, version) VALUES "
        + placeholders,
        [value for row in rows for value in row],
    )


def entry_id_of(owner: Owner, reference: str) -> int:
    row = owner.execute("SELECT id FROM ledger_entry WHERE reference = %s", [reference]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET debit = debit + 1",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting",
        "UPDATE ledger_entry SET description = 'better'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account CASCADE",
    ],
)
def test_journal_is_append_only_for_its_owner_too(owner_connection: Owner, role: str, statement: LiteralString) -> None:
    owner_connection.execute("SELECT set_config('session_replication_role', %s, false)", [role])

    with refused_by("journal_append_only"):
        owner_connection.execute(statement)


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "change",
    [
        "floor = NULL",
        "floor = -1000",
        "normal_side = 'debit'",
        "currency_id = 'BTC'",
        "code = 'fund:mine'",
        "kind = 'treasury'",
    ],
)
def test_what_an_account_is_never_changes(owner_connection: Owner, role: str, change: LiteralString) -> None:
    owner_connection.execute("SELECT set_config('session_replication_role', %s, false)", [role])

    with refused_by("account_identity"):
        owner_connection.execute("UPDATE ledger_account SET " + change + " WHERE code = 'fund:usdt'")


def test_account_does_not_open_with_money_in_it(owner_connection: Owner) -> None:
    with refused_by("account_opening"):
        owner_connection.execute(
            "INSERT INTO ledger_account (code, kind, owner, currency_id, normal_side, lock_rank, debits, credits,"
            " version, created_at) VALUES ('trader:eve:USDT', 'trader', 'eve', 'USDT', 'credit', 0, 0, 1000, 0, now())"
        )


def test_total_below_the_floor_is_refused(owner_connection: Owner) -> None:
    with refused_by("account_floor"):
        owner_connection.execute("UPDATE ledger_account SET debits = debits + 41 WHERE code = %s", [FUND])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_account SET credits = credits + 1",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account",
        "UPDATE ledger_entry SET description = 'better'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_posting SET debit = debit + 1",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting",
        "ALTER TABLE ledger_posting DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE ledger_posting",
    ],
)
def test_service_has_no_right_to_change_the_books(committed_db: DatabaseUrls, statement: LiteralString) -> None:
    before = balances()

    with (
        psycopg.connect(committed_db.service, autocommit=True) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute(statement)

    assert balances() == before


def test_service_cannot_write_postings_by_itself(committed_db: DatabaseUrls) -> None:
    """It may insert into the journal; without the right to the account's totals nothing that it inserts is in step."""
    with psycopg.connect(committed_db.service, autocommit=True) as service:
        row = service.execute(
            "SELECT e.id, a.id, b.id FROM ledger_entry e, ledger_account a, ledger_account b"
            " WHERE e.reference = 'd1' AND a.code = %s AND b.code = %s",
            [CUSTODY, ANN],
        ).fetchone()
        assert row is not None
        entry_id, custody, ann = row
        with refused_by("posting_out_of_step"):
            service.execute(
                "INSERT INTO ledger_posting (id, entry_id, account_id, debit, credit, balance_after, version)"
                " VALUES (%s, %s, %s, 1, 0, 141, 3), (%s, %s, %s, 0, 1, 101, 2)",
                [entry_id * 10_000 + 3, entry_id, custody, entry_id * 10_000 + 4, entry_id, ann],
            )


def test_careful_forgery_is_taken_so_that_the_refusals_below_mean_something(owner_connection: Owner) -> None:
    write(owner_connection, "forged", [(CUSTODY, "5", "0"), (ANN, "0", "5")])

    assert balances()[ANN] == ("105", 2)


@pytest.mark.parametrize(
    ("guard", "written"),
    [
        ("entry_unbalanced", [(CUSTODY, "5", "0"), (ANN, "0", "4")]),
        ("entry_mixes_currencies", [("custody:BTC", "5", "0"), (ANN, "0", "5")]),
        ("amount_precision", [(CUSTODY, "0.000000001", "0"), (ANN, "0", "0.000000001")]),
        ("posting_out_of_step", [(CUSTODY, "5", "0"), (ANN, "0", "5", {"version": 7})]),
        ("posting_out_of_step", [(CUSTODY, "5", "0"), (ANN, "0", "5", {"balance_after": Decimal(104)})]),
        ("posting_account_unknown", [(CUSTODY, "5", "0"), (ANN, "0", "5", {"account_id": 987_654})]),
        ("posting_account_version", [(CUSTODY, "5", "0"), (ANN, "0", "5", {"version": 1})]),
        ("posting_one_sided", [(CUSTODY, "-5", "0"), (ANN, "0", "-5")]),
        ("posting_one_sided", [(CUSTODY, "5", "5"), (ANN, "5", "5")]),
        ("posting_one_sided", [(CUSTODY, "0", "0"), (ANN, "0", "0")]),
        ("posting_one_sided", [(CUSTODY, "NaN", "0"), (ANN, "0", "NaN")]),
        ("posting_one_sided", [(CUSTODY, "Infinity", "0"), (ANN, "0", "Infinity")]),
        ("posting_id_names_entry", [(CUSTODY, "5", "0"), (ANN, "0", "5", {"id": 42})]),
        ("account_floor", [(FUND, "41", "0"), (ANN, "0", "41")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_forged_entry_is_refused(owner_connection: Owner, role: str, guard: str, written: list[Written]) -> None:
    owner_connection.execute("SELECT set_config('session_replication_role', %s, false)", [role])

    with refused_by(guard):
        write(owner_connection, "forged", written)


def test_entry_with_lines_left_out_is_refused(owner_connection: Owner) -> None:
    with refused_by("entry_incomplete"):
        write(owner_connection, "forged", [(CUSTODY, "5", "0"), (ANN, "0", "5")], lines=4)


@pytest.mark.parametrize(
    ("guard", "written"),
    [
        ("posting_id_names_entry", [(CUSTODY, "5", "0"), (ANN, "0", "5")]),
        ("entry_incomplete", [(CUSTODY, "5", "0"), (ANN, "0", "3"), (ANN, "0", "2")]),
        ("entry_unbalanced", [(ANN, "0", "5")]),
    ],
)
def test_line_cannot_be_added_to_an_old_entry(owner_connection: Owner, guard: str, written: list[Written]) -> None:
    old = entry_id_of(owner_connection, "d1")

    with refused_by(guard), owner_connection.transaction():
        write_postings(owner_connection, old, written, first_line=3)


def test_postings_of_no_entry_are_refused(owner_connection: Owner) -> None:
    with refused_by("posting_entry_unknown"), owner_connection.transaction():
        write_postings(owner_connection, 987_654, [(CUSTODY, "5", "0"), (ANN, "0", "5")])


def test_account_in_a_currency_that_does_not_exist_is_refused(owner_connection: Owner) -> None:
    with refused_by("account_currency"):
        owner_connection.execute(
            "INSERT INTO ledger_account (code, kind, owner, currency_id, normal_side, lock_rank, debits, credits,"
            " version, created_at) VALUES ('custody:DOGE', 'custody', '', 'DOGE', 'debit', 3, 0, 0, 0, now())"
        )


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_currency SET decimals = 2 WHERE code = 'USDT'",
        "UPDATE ledger_currency SET code = 'USD' WHERE code = 'USDT'",
        "DELETE FROM ledger_currency WHERE code = 'USDT'",
    ],
)
def test_currency_that_has_accounts_stays_as_it_is(
    owner_connection: Owner, role: str, statement: LiteralString
) -> None:
    owner_connection.execute("SELECT set_config('session_replication_role', %s, false)", [role])
    with refused_by("currency_kept"):
        owner_connection.execute(statement)


def test_currency_without_accounts_may_go(owner_connection: Owner) -> None:
    owner_connection.execute("INSERT INTO ledger_currency (code, decimals) VALUES ('DOGE', 2)")

    owner_connection.execute("UPDATE ledger_currency SET decimals = 8 WHERE code = 'DOGE'")
    owner_connection.execute("DELETE FROM ledger_currency WHERE code = 'DOGE'")

    row = owner_connection.execute("SELECT count(*) FROM ledger_currency WHERE code = 'DOGE'").fetchone()
    assert row == (0,)
