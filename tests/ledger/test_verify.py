"""`verify`: its checks and those of other apps, its progress, and the command."""

import json
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command

from ledger import integrity
from ledger.integrity import Finding, Tally, verify
from tests.builders import credit, debit, entry, move, post

CUSTODY, ANN, FUND = "custody:USDT", "trader:ann:USDT", "fund:usdt"

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def _book(committed_db: object) -> None:
    post(
        entry("d1", debit(CUSTODY, "9"), credit(ANN, "4"), credit("trader:bob:USDT", "5")),
        move("c1", "40", debited=CUSTODY, credited=FUND, kind="fund_contribution"),
    )


def test_other_apps_add_their_checks(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_checks", {})

    def engine_is_flat(tally: Tally) -> Iterator[Finding]:
        tally.add(3)
        yield Finding(code="engine_not_flat", subject="takeover t1", expected="0", actual="5")

    integrity.register("engine", engine_is_flat)

    verification = verify()
    assert (verification.checked, verification.found, verification.clean) == (3, 1, False)
    assert [str(finding) for finding in verification.findings] == ["engine_not_flat: takeover t1: expected 0, found 5"]


def test_findings_without_end_are_counted_and_the_first_ones_kept(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(tally: Tally) -> Iterator[Finding]:
        for number in range(5000):
            yield Finding(code="ruined", subject=f"entry {number}", expected="a book", actual="ashes")

    monkeypatch.setattr(integrity, "_checks", {"ruin": ruin})
    written = StringIO()

    with pytest.raises(CommandError, match="5000 finding"):
        call_command("verify", stdout=written)

    lines = written.getvalue().splitlines()
    assert "ruined: entry 99: expected a book, found ashes" in lines
    assert "entry 100:" not in written.getvalue()
    assert lines[-1] == "and 4,900 more"


@pytest.mark.usefixtures("_book")
def test_progress_counts_up_to_what_was_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long books are walked in ranges; small ranges here, so that there are several."""
    monkeypatch.setattr(integrity.entries, "_ENTRIES_A_RANGE", 1)
    monkeypatch.setattr(integrity.accounts, "_POSTINGS_A_RANGE", 1)
    told: list[tuple[str, int, int | None]] = []

    verification = verify(progress=lambda tally: told.append((tally.check, tally.checked, tally.expected)))

    assert verification.clean
    for name in ("entries", "running balances"):
        counts = [(checked, expected) for check, checked, expected in told if check == name]
        assert counts[0] == (0, 5)
        assert counts[-1] == (5, 5)
        assert len(counts) > 2
        assert counts == sorted(counts)


@pytest.mark.usefixtures("_book")
def test_command_reports_a_clean_book_as_a_table() -> None:
    written = StringIO()
    call_command("verify", stdout=written)

    text = written.getvalue()
    assert "running balances" in text
    assert "Every identity holds." in text
    assert "\x1b" not in text


@pytest.mark.usefixtures("_book")
def test_command_names_every_finding_and_fails(owner_connection: Owner) -> None:
    owner_connection.execute("UPDATE ledger_account SET credits = credits + 7 WHERE code = %s", [FUND])
    written = StringIO()

    with pytest.raises(CommandError, match="1 finding"):
        call_command("verify", stdout=written)

    assert "account_credits: account fund:usdt: expected 40, found 47" in written.getvalue().splitlines()


@pytest.mark.usefixtures("_book")
def test_command_writes_one_json_object(owner_connection: Owner) -> None:
    owner_connection.execute("UPDATE ledger_account SET credits = credits + 7 WHERE code = %s", [FUND])
    written = StringIO()

    with pytest.raises(CommandError):
        call_command("verify", "--json", stdout=written)

    report = json.loads(written.getvalue())
    assert (report["clean"], report["found"]) == (False, 1)
    (totals,) = [check for check in report["checks"] if check["name"] == "account totals"]
    assert totals["findings"] == [
        {"code": "account_credits", "subject": "account fund:usdt", "expected": "40", "actual": "47"}
    ]
