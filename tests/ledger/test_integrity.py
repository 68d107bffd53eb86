"""What `verify` finds after the books were changed behind the service's back, guards off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from ledger.integrity import verify
from ledger.reversals import reverse
from tests.builders import credit, debit, entry, moment, move, open_currency, post

CUSTODY, ANN, FUND = "custody:USDT", "trader:ann:USDT", "fund:usdt"

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def _book(committed_db: object) -> None:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN),
        move("d2", "50", debited=CUSTODY, credited=ANN),
        move("c1", "40", debited=CUSTODY, credited=FUND, kind="fund_contribution"),
        entry("f1", debit("engine:USDT", "3"), credit(FUND, "2"), credit("fees:USDT", "1"), kind="fund_injection"),
    )
    post(move("btc", "0.00000001", debited="custody:BTC", credited="trader:ann:BTC"), currency=open_currency("BTC"))
    reverse("d2", reference="d2 reversed", effective_at=moment(1))


@contextmanager
def guards_off(owner: Owner) -> Iterator[Owner]:
    """As someone who owns the database and means harm."""
    tables: tuple[LiteralString, ...] = ("ledger_account", "ledger_entry", "ledger_posting")
    for table in tables:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        yield owner
    finally:
        for table in tables:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def posting_of(reference: str, line: int) -> str:
    return f"(SELECT id * 10000 + {line} FROM ledger_entry WHERE reference = '{reference}')"


def found() -> dict[str, list[tuple[str, str, str]]]:
    """What `verify` found, by code: subject, expected, actual."""
    by_code: dict[str, list[tuple[str, str, str]]] = {}
    for each in verify().findings:
        by_code.setdefault(each.code, []).append((each.subject, each.expected, each.actual))
    return by_code


@pytest.mark.usefixtures("_book")
def test_untouched_book_is_clean_and_every_row_was_looked_at() -> None:
    verification = verify()

    assert verification.findings == ()
    assert verification.clean
    checked = {check.name: check.checked for check in verification.checks}
    ledger_checks = (
        "entries",
        "reversals",
        "running balances",
        "account totals",
        "chart of accounts",
        "balance identity",
    )
    assert [checked[name] for name in ledger_checks] == [13, 1, 13, 7, 7, 13]


def test_book_of_a_billion_entries_is_still_counted(committed_db: object, owner_connection: Owner) -> None:
    owner_connection.execute("ALTER SEQUENCE ledger_entry_id_seq RESTART WITH 1000000000")
    post(move("d1", "100", debited=CUSTODY, credited=ANN))
    reverse("d1", reference="r1", effective_at=moment())

    verification = verify()

    assert verification.clean
    assert {check.name: check.checked for check in verification.checks}["entries"] == 4


def test_empty_book_is_clean(db: None) -> None:
    assert verify().clean


@pytest.mark.usefixtures("_book")
def test_changed_amount_is_found_in_its_entry_and_in_its_account(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET credit = 101 WHERE id = {posting_of('d1', 2)}")

    findings = found()

    assert findings["entry_unbalanced"] == [("entry d1", "debits equal to credits 101", "debits 100")]
    assert findings["balance_after"] == [(f"account {ANN}, version 1 (entry d1)", "101", "100")]
    assert findings["account_credits"] == [(f"account {ANN}", "151", "150")]
    assert [subject for subject, _, _ in findings["balance_identity"]] == ["currency USDT"]


@pytest.mark.usefixtures("_book")
def test_amount_changed_on_both_sides_is_still_found_in_the_accounts(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET debit = 99 WHERE id = {posting_of('d1', 1)}")
        owner.execute(f"UPDATE ledger_posting SET credit = 99 WHERE id = {posting_of('d1', 2)}")

    findings = found()

    assert findings.keys() == {"balance_after", "account_debits", "account_credits"}
    assert findings["account_debits"] == [(f"account {CUSTODY}", "189", "190")]


@pytest.mark.usefixtures("_book")
def test_deleted_posting_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"DELETE FROM ledger_posting WHERE id = {posting_of('d1', 2)}")

    findings = found()

    assert findings["entry_lines"] == [("entry d1", "2 postings", "1")]
    assert findings["entry_unbalanced"] == [("entry d1", "debits equal to credits 0", "debits 100")]
    assert findings["version_gap"] == [(f"account {ANN}, version 2 (entry d2)", "version 1", "version 2")]
    assert findings["account_version"] == [
        (f"account {ANN}", "2 postings, the last with that version", "version 3, last posting 3")
    ]


@pytest.mark.usefixtures("_book")
def test_deleted_last_posting_of_an_account_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"DELETE FROM ledger_posting WHERE id = {posting_of('f1', 3)}")

    findings = found()

    assert findings["account_version"] == [
        ("account fees:USDT", "0 postings, the last with that version", "version 1, last posting 0")
    ]
    assert findings["account_credits"] == [("account fees:USDT", "0", "1")]


@pytest.mark.usefixtures("_book")
def test_deleted_entry_leaves_its_postings_behind(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        row = owner.execute("DELETE FROM ledger_entry WHERE reference = 'd1' RETURNING id").fetchone()
    assert row is not None

    assert found()["posting_without_entry"] == [(f"entry id {row[0]}", "an entry", "2 posting(s) and no entry")]


@pytest.mark.usefixtures("_book")
def test_entry_without_postings_is_found(owner_connection: Owner) -> None:
    owner_connection.execute(
        "INSERT INTO ledger_entry (reference, kind, source_kind, source_id, lines, effective_at, created_at,"
        " description, recorded_by) VALUES ('ghost', 'deposit', '', '', 2, now(), now(), '', '')"
    )

    assert found() == {"entry_without_postings": [("entry ghost", "2 postings", "none")]}


@pytest.mark.usefixtures("_book")
def test_changed_total_of_an_account_is_found(owner_connection: Owner) -> None:
    owner_connection.execute("UPDATE ledger_account SET credits = credits + 7 WHERE code = %s", [FUND])

    assert found() == {"account_credits": [(f"account {FUND}", "42", "49")]}


@pytest.mark.usefixtures("_book")
def test_changed_running_balance_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET balance_after = 41 WHERE id = {posting_of('c1', 2)}")

    assert found() == {
        "balance_after": [
            (f"account {FUND}, version 1 (entry c1)", "40", "41"),
            (f"account {FUND}, version 2 (entry f1)", "43", "42"),
        ]
    }


@pytest.mark.usefixtures("_book")
def test_balance_below_the_floor_in_between_is_found(owner_connection: Owner) -> None:
    post(
        move("p1", "30", debited=FUND, credited="engine:USDT", kind="fund_payout"),
        move("c2", "100", debited=CUSTODY, credited=FUND, kind="fund_contribution"),
    )
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET debit = 52 WHERE id = {posting_of('p1', 1)}")
        owner.execute("UPDATE ledger_account SET debits = 52 WHERE code = %s", [FUND])
        owner.execute(
            "UPDATE ledger_posting SET balance_after = balance_after - 22 WHERE version >= 3 AND account_id ="
            " (SELECT id FROM ledger_account WHERE code = %s)",
            [FUND],
        )

    assert found()["account_floor"] == [(f"account {FUND}, version 3 (entry p1)", "≥ 0", "-10")]


@pytest.mark.usefixtures("_book")
def test_more_decimals_than_the_currency_has_are_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute("UPDATE ledger_posting SET debit = 100.000000001 WHERE debit = 100")
        owner.execute("UPDATE ledger_posting SET credit = 100.000000001 WHERE credit = 100")

    assert found()["amount_precision"] == [("entry d1", "at most 8 decimals", "100.000000001")]


@pytest.mark.usefixtures("_book")
def test_entry_over_two_currencies_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(
            "UPDATE ledger_posting SET version = 2, account_id = (SELECT id FROM ledger_account WHERE code ="
            f" 'trader:ann:BTC') WHERE id = {posting_of('d1', 2)}"
        )

    findings = found()

    assert findings["entry_mixes_currencies"] == [("entry d1", "one currency", "BTC and USDT")]
    assert {subject for subject, _, _ in findings["balance_identity"]} == {"currency BTC", "currency USDT"}


@pytest.mark.usefixtures("_book")
def test_posting_on_no_account_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET account_id = 987654 WHERE id = {posting_of('d1', 2)}")

    assert found()["posting_without_account"] == [("account id 987654", "an account", "1 posting(s) and no account")]


@pytest.mark.usefixtures("_book")
def test_reversal_that_does_not_mirror_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute(f"UPDATE ledger_posting SET debit = 49 WHERE id = {posting_of('d2 reversed', 2)}")

    assert found()["reversal_not_mirrored"] == [
        (
            "entry d2 reversed, line 2",
            f"{ANN} debit 50 credit 0, the mirror of d2",
            f"{ANN} debit 49 credit 0",
        )
    ]


@pytest.mark.usefixtures("_book")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("SET reverses_id = 987654 WHERE reference = 'd2 reversed'", "reversal_without_original"),
        ("SET kind = 'deposit' WHERE reference = 'd2 reversed'", "reversal_kind"),
        ("SET reverses_id = (SELECT id FROM ledger_entry WHERE reference = 'd2 reversed') WHERE reference = 'd2'",
         "reversal_of_reversal"),
    ],
)  # fmt: skip
def test_changed_link_of_a_reversal_is_found(owner_connection: Owner, change: LiteralString, code: str) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute("UPDATE ledger_entry " + change)

    assert "entry d2 reversed" in [subject for subject, _, _ in found()[code]]


@pytest.mark.usefixtures("_book")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("floor = NULL", "account_floor_missing"),
        ("kind = 'vault'", "account_kind"),
        ("currency_id = 'BTC'", "entry_mixes_currencies"),
        ("code = 'piggy:bank'", "account_code"),
    ],
)
def test_changed_account_is_found(owner_connection: Owner, change: LiteralString, code: str) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute("UPDATE ledger_account SET " + change + " WHERE code = 'fund:usdt'")

    assert found()[code]


@pytest.mark.usefixtures("_book")
def test_turned_side_of_an_account_is_found(owner_connection: Owner) -> None:
    with guards_off(owner_connection) as owner:
        owner.execute("UPDATE ledger_account SET normal_side = 'debit' WHERE code = %s", ["fees:USDT"])

    findings = found()

    assert findings["account_normal_side"] == [("account fees:USDT", "credit", "debit")]
    assert findings["balance_after"] == [("account fees:USDT, version 1 (entry f1)", "-1", "1")]
